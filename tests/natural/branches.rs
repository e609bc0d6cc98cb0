//! `if` in all places.

fn many(k: i32) -> bool {
    k > 0
}

programs! {
    statement(x) {
        let mut y = x.clone();
        if x > 0.0 {
            y = &y * 2.0;
        }
        y
    } on [[3.0], [-3.0]]

    expression(x) { if x > 0.0 { x * 2.0 } else { x - 1.0 } } on [[3.0], [-3.0]]

    bound_expression(x) {
        let y = if x > 0.0 { &x * 2.0 } else { &x - 1.0 };
        y * x
    } on [[3.0], [-3.0]]

    inner_expression(x) { &x + if x > 0.0 { &x * 2.0 } else { &x - 1.0 } } on [[3.0], [-3.0]]

    else_if(x) {
        if x > 10.0 {
            &x - 10.0
        } else if x > 0.0 {
            &x * 2.0
        } else if x > -5.0 {
            -&x
        } else {
            &x * &x
        }
    } on [[11.0], [3.0], [-3.0], [-6.0]]

    nested(x, y) {
        let mut z = &x + &y;
        if x > 0.0 {
            if y > 0.0 {
                z = &z * 2.0;
            } else {
                z = &z - &y;
            }
            z += 1.0;
        }
        z
    } on [[1.0, 2.0], [1.0, -2.0], [-1.0, 2.0]]

    assigned_on_one_path(x) {
        let mut y = x.clone();
        let mut z = x.clone();
        if x > 0.0 { y = &y + 1.0; } else { z = &z - 1.0; }
        y * z
    } on [[2.0], [-2.0]]

    shadowed(x) {
        let mut y = x.clone();
        if x > 0.0 {
            let mut y = &x * 100.0;
            y += 1.0;
        } else {
            y += 5.0;
        }
        y
    } on [[2.0], [-2.0]]

    early_return(x) {
        if x > 0.0 {
            return x * 2.0;
        }
        let y = &x - 1.0;
        y * x
    } on [[2.0], [-2.0]]

    both_return(x) {
        if x > 0.0 {
            return x * 2.0;
        } else {
            return x - 1.0;
        }
    } on [[2.0], [-2.0]]

    returns_in_a_row(x) {
        if x > 10.0 { return &x - 10.0; }
        if x > 5.0 { return &x - 5.0; }
        let y = &x * 2.0;
        if y < 0.0 { return -&y; }
        y + 1.0
    } on [[11.0], [6.0], [1.0], [-1.0]]

    return_of_a_nested_branch(x, y) {
        let mut z = x.clone();
        if x > 0.0 {
            z += 1.0;
            if y > 0.0 {
                return z * y;
            }
            z += 2.0;
        } else {
            z -= 7.0;
        }
        z + y
    } on [[1.0, 2.0], [1.0, -2.0], [-1.0, 2.0]]

    value_or_return(x) {
        let y = if x > 0.0 { &x * 2.0 } else { return x - 1.0; };
        y * x
    } on [[2.0], [-2.0]]

    declared_first(x) {
        let y;
        if x > 0.0 { y = &x * 2.0; } else { y = &x - 1.0; }
        y * x
    } on [[2.0], [-2.0]]

    declared_first_or_return(x) {
        let y;
        if x > 0.0 { y = &x * 2.0; } else { return x - 1.0; }
        y * x
    } on [[2.0], [-2.0]]

    declared_first_in_parts(x) {
        let y;
        if x > 0.0 {
            if x > 5.0 { return x; }
            y = &x * 2.0;
        } else {
            y = if x < -5.0 { &x + 1.0 } else { &x - 1.0 };
        }
        y * x
    } on [[7.0], [2.0], [-2.0], [-7.0]]

    declared_first_in_a_loop(x) {
        let mut s = x.clone();
        let mut i = &x * 0.0;
        while i < 4.0 {
            i += 1.0;
            let y;
            if i == 2.0 { continue; } else if i > x { y = &i * 2.0; } else { y = i.clone(); }
            s = &s + &y;
        }
        s
    } on [[0.0], [3.0], [9.0]]

    declared_first_and_matched(x) {
        let y;
        match 3 { 1 => y = &x * 2.0, _ => { if x > 0.0 { y = &x - 1.0 } else { return x } } }
        y * 3.0
    } on [[1.0], [-1.0]]

    logic(x, y) {
        let mut z = x.clone();
        if x > 0.0 && y > 0.0 { z += 1.0; }
        if x > 0.0 || y > 0.0 { z += 10.0; }
        if !(x > 0.0) { z += 100.0; }
        if x > 0.0 && true { z += 1000.0; }
        z
    } on [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]

    comparisons(x, y) {
        let mut z = &x * 0.0;
        if x < y { z += 1.0; }
        if x <= y { z += 2.0; }
        if x > y { z += 4.0; }
        if x >= y { z += 8.0; }
        if x == y { z += 16.0; }
        if x != y { z += 32.0; }
        z
    } on [[1.0, 2.0], [2.0, 1.0], [1.0, 1.0], [f32::NAN, 1.0]]

    plain_conditions(x) {
        let mut y = x.clone();
        let many = 3 > 2;
        if many && !false { y += 1.0; } else { y = &y * 100.0; }
        if 1 == 2 { return y; }
        y
    } on [[1.0]]

    a_match(x) {
        let mut y = x.clone();
        for k in 0..4 {
            match k {
                0 => y += 1.0,
                1 if many(k) => {}
                2 => if y > 3.0 { y = &y * 2.0; },
                _ => { y -= 0.5; }
            }
        }
        y
    } on [[1.0]]

    if_let(x) {
        let mut y = x.clone();
        if let Some(k) = Some(2) && k > 1 {
            if x > 0.0 { y += 3.0; }
        } else {
            y -= 3.0;
        }
        let Some(k) = Some(5) else { return y };
        y * 2.0
    } on [[1.0], [-1.0]]

    tuples(x, y) {
        let (a, b) = if x > y { (x.clone(), y.clone()) } else { (y.clone(), x.clone()) };
        a * 10.0 + b
    } on [[1.0, 2.0], [2.0, 1.0]]

    blocks(x) {
        let y = { let z = &x * 2.0; if z > 2.0 { z } else { z + 1.0 } };
        { let mut x = y; if x > 4.0 { x = &x - 4.0; } x }
    } on [[1.0], [3.0]]
}

//! Loops and their jumps.

programs! {
    counting(n) {
        let mut i = &n * 0.0;
        let mut s = &n * 0.0;
        while i < n {
            i += 1.0;
            s = &s + &i * &i;
        }
        s
    } on [[0.0], [1.0], [5.0]]

    newton(a) {
        let mut x = a.clone();
        while (&x * &x - &a).abs() > 0.001 {
            x = (&x + &a / &x) * 0.5;
        }
        x
    } on [[2.0], [100.0]]

    breaking(n) {
        let mut i = &n * 0.0;
        while i < n {
            i += 1.0;
            if i == 3.0 { break; }
            i += 0.5;
        }
        i
    } on [[1.0], [2.5], [100.0]]

    breaking_first(n) {
        let mut i = &n * 0.0;
        while i < n {
            if i > 3.0 { break; }
            i += 1.0;
        }
        i
    } on [[1.0], [100.0]]

    continuing(n) {
        let mut i = &n * 0.0;
        let mut s = &n * 0.0;
        while i < n {
            i += 1.0;
            if i == 2.0 { continue; }
            s = &s + &i;
        }
        s
    } on [[1.0], [2.0], [5.0]]

    returning(n) {
        let mut i = &n * 0.0;
        while i < n {
            i += 1.0;
            if i == 3.0 { return i * 100.0; }
        }
        -i
    } on [[1.0], [2.0], [3.0], [5.0]]

    all_jumps(n) {
        let mut i = &n * 0.0;
        let mut s = &n * 0.0;
        while i < n {
            i += 1.0;
            if i == 2.0 { continue; }
            if i == 7.0 { break; }
            if s > 20.0 { return s * 2.0; } else { s = &s + &i; }
        }
        s + i
    } on [[1.0], [2.0], [6.0], [9.0]]

    endless(n) {
        let mut i = n.clone();
        loop {
            i = &i * 2.0;
            if i > 50.0 { break; }
        }
        i
    } on [[1.0], [60.0], [3.0]]

    a_loop_with_a_value(n) {
        let mut i = n.clone();
        let found = loop {
            i = &i * 3.0;
            if i > 50.0 { break &i + 0.5; }
        };
        found * i
    } on [[1.0], [60.0]]

    endless_with_return(n) {
        let mut i = n.clone();
        loop {
            i = &i * 2.0;
            if i > 50.0 { return i; }
            if i > 30.0 { i += 7.0; continue; }
            i += 1.0;
        }
    } on [[1.0], [60.0], [16.0]]

    while_true(n) {
        let mut i = n.clone();
        while true {
            i += 1.5;
            if i > 9.0 { break; }
        }
        i
    } on [[1.0], [20.0]]

    unrolled(x) {
        let mut y = x.clone();
        for k in 0..5 {
            if y > 10.0 { break; }
            if k == 1 { continue; }
            y = &y * 2.0;
        }
        y
    } on [[1.0], [4.0], [11.0]]

    unrolled_with_return(x) {
        let mut y = x.clone();
        for k in [1, 2, 3] {
            y += 1.0;
            if y > 3.0 { return y * 10.0; }
        }
        y
    } on [[0.0], [1.0], [5.0], [-9.0]]

    plain_while(x) {
        let mut k = 0;
        let mut y = x.clone();
        while k < 3 {
            k += 1;
            if y < 0.0 { y = -&y; continue; }
            y += 1.0;
        }
        y
    } on [[1.0], [-1.0]]

    while_let(x) {
        let mut stack = vec![1, 2, 3];
        let mut y = x.clone();
        while let Some(k) = stack.pop() {
            if k == 2 { y = &y * 3.0; }
            if y > 8.0 { break; }
            y += 1.0;
        }
        y
    } on [[1.0], [3.0], [9.0]]

    nested_loops(n) {
        let mut i = &n * 0.0;
        let mut s = &n * 0.0;
        while i < n {
            i += 1.0;
            let mut j = &n * 0.0;
            while j < i {
                j += 1.0;
                s = &s + &j * &i;
            }
        }
        s
    } on [[0.0], [1.0], [4.0]]

    nested_jumps(n) {
        let mut i = &n * 0.0;
        let mut s = &n * 0.0;
        while i < n {
            i += 1.0;
            let mut j = &n * 0.0;
            while j < 10.0 {
                j += 1.0;
                if j == i { break; }
                if j == 2.0 { continue; }
                s = &s + &j;
                if s > 30.0 { return s; }
            }
            if i == 4.0 { continue; }
            s += 0.5;
        }
        s
    } on [[0.0], [1.0], [3.0], [5.0], [9.0]]

    labels(n) {
        let mut i = &n * 0.0;
        let mut s = &n * 0.0;
        'outer: while i < n {
            i += 1.0;
            let mut j = &n * 0.0;
            while j < 4.0 {
                j += 1.0;
                if j == i { continue 'outer; }
                if s > 12.0 { break 'outer; }
                s = &s + &j;
            }
            s += 100.0;
        }
        s
    } on [[0.0], [2.0], [3.0], [9.0]]

    a_loop_in_a_branch(x) {
        let mut y = x.clone();
        if x > 0.0 {
            while y < 100.0 {
                y = &y * 3.0;
                if y == 27.0 { break; }
            }
        } else {
            y -= 1.0;
        }
        y
    } on [[1.0], [2.0], [-1.0]]

    a_return_from_a_loop_in_a_branch(x) {
        let mut y = x.clone();
        if x > 0.0 {
            while y < 100.0 {
                y = &y * 3.0;
                if y == 27.0 { return y + 0.25; }
            }
            y += 1.0;
        }
        y - 1.0
    } on [[1.0], [2.0], [-1.0]]

    collatz(n) {
        let mut n = n;
        let mut steps = &n * 0.0;
        while n != 1.0 {
            if n % 2.0 == 0.0 { n = &n / 2.0; } else { n = &n * 3.0 + 1.0; }
            steps += 1.0;
        }
        steps
    } on [[1.0], [6.0], [27.0]]

    a_condition_of_two_parts(n) {
        let mut i = &n * 0.0;
        let mut done = i > 100.0;
        while !done && i < 50.0 {
            i += 3.0;
            done = i >= n;
        }
        i
    } on [[1.0], [10.0], [99.0]]

    a_value_from_a_loop_body(n) {
        let mut i = &n * 0.0;
        let mut s = &n * 0.0;
        while i < n {
            i += 1.0;
            let step = if i > 3.0 { continue } else if i == 2.0 { &i * 10.0 } else { i.clone() };
            s = &s + &step;
        }
        s
    } on [[0.0], [2.0], [5.0]]
}

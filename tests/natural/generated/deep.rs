//! Programs of depth 3 out of `grammar.rs`, which explains them. Not written by hand.

programs! {
    generated_0(x, y) {
        let mut a = x.clone();
        let mut b = y.clone();
        let mut i0 = &x * 0.0;
        while i0 < 3.0 {
            i0 += 1.0;
            if b >= 1.0 {
                let mut i1 = &x * 0.0;
                while i1 < 4.0 {
                    i1 += 1.0;
                    b = &b * &a - 1.0;
                    a = &a - &b;
                }
            } else {
                if b >= 1.0 {
                    if a < 3.0 { return &a * 10.0 + &b; }
                }
                a = &a + 0.25;
            }
            b = -&a;
        }
        a + b * 2.0
    } on [[1.0, 2.0], [3.5, -1.0], [-2.0, 0.5], [0.0, 0.0]]

    generated_1(x, y) {
        let mut a = x.clone();
        let mut b = y.clone();
        a = &a * &b - 1.0;
        a = &a * 0.5;
        if a > b {
            let mut i0 = &x * 0.0;
            while i0 < 4.0 {
                i0 += 1.0;
                if !(b > 2.5) {
                    a = &a - &b;
                } else {
                    if a < 0.0 || b > 1.0 { continue; }
                }
                if !(b > 2.5) {
                    a = &b + 1.0;
                } else {
                    b = &b * &a - 1.0;
                    b = &a + 1.0;
                }
            }
        }
        a + b * 2.0
    } on [[1.0, 2.0], [3.5, -1.0], [-2.0, 0.5], [0.0, 0.0]]

    generated_2(x, y) {
        let mut a = x.clone();
        let mut b = y.clone();
        b = &b * &a - 1.0;
        if a > b {
            let mut i0 = &x * 0.0;
            while i0 < 2.0 {
                i0 += 1.0;
                if a < 0.0 || b > 1.0 { break; }
                b = &b * 0.5;
            }
        } else {
            b = &a + 1.0;
            let mut i1 = &x * 0.0;
            while i1 < 2.0 {
                i1 += 1.0;
                a = &a * &b - 1.0;
                if a < 0.0 || b > 1.0 { continue; }
                let mut i2 = &x * 0.0;
                while i2 < 2.0 {
                    i2 += 1.0;
                    a = -&b;
                    if b >= 1.0 { break; }
                }
            }
            if &a + &b > 4.0 { return &a * 10.0 + &b; }
        }
        a = &a + 0.25;
        a + b * 2.0
    } on [[1.0, 2.0], [3.5, -1.0], [-2.0, 0.5], [0.0, 0.0]]

    generated_3(x, y) {
        let mut a = x.clone();
        let mut b = y.clone();
        a = -&b;
        if !(b > 2.5) {
            if a < 0.0 || b > 1.0 {
                if a > 0.0 && b < 8.0 {
                    if b >= 1.0 { return &a * 10.0 + &b; }
                }
                let mut i0 = &x * 0.0;
                while i0 < 4.0 {
                    i0 += 1.0;
                    a = &a * &b - 1.0;
                }
                if b >= 1.0 { return &a * 10.0 + &b; }
            }
            let mut i1 = &x * 0.0;
            while i1 < 2.0 {
                i1 += 1.0;
                if !(b > 2.5) { return &a * 10.0 + &b; }
                let mut i2 = &x * 0.0;
                while i2 < 3.0 {
                    i2 += 1.0;
                    b = &b * &a - 1.0;
                }
            }
        } else {
            if b >= 1.0 {
                if a != 2.0 {
                    if a != 2.0 { return &a * 10.0 + &b; }
                } else {
                    a = &a * 0.5;
                }
                let mut i3 = &x * 0.0;
                while i3 < 4.0 {
                    i3 += 1.0;
                    if a > 0.0 && b < 8.0 { break; }
                    if a < 3.0 { return &a * 10.0 + &b; }
                }
            } else {
                if a != 2.0 {
                    a = &a + 0.25;
                } else {
                    if a > b { return &a * 10.0 + &b; }
                }
            }
            let mut i4 = &x * 0.0;
            while i4 < 2.0 {
                i4 += 1.0;
                let mut i5 = &x * 0.0;
                while i5 < 2.0 {
                    i5 += 1.0;
                    if b >= 1.0 { continue; }
                    if &a + &b > 4.0 { return &a * 10.0 + &b; }
                }
                b = &b - &a;
            }
            if b >= 1.0 {
                a = &a * 0.5;
            }
        }
        a + b * 2.0
    } on [[1.0, 2.0], [3.5, -1.0], [-2.0, 0.5], [0.0, 0.0]]

    generated_4(x, y) {
        let mut a = x.clone();
        let mut b = y.clone();
        if &a + &b > 4.0 { return &a * 10.0 + &b; }
        if a < 3.0 { return &a * 10.0 + &b; }
        a = &a * 0.5;
        a + b * 2.0
    } on [[1.0, 2.0], [3.5, -1.0], [-2.0, 0.5], [0.0, 0.0]]

    generated_5(x, y) {
        let mut a = x.clone();
        let mut b = y.clone();
        if a < 0.0 || b > 1.0 {
            if b >= 1.0 {
                let mut i0 = &x * 0.0;
                while i0 < 4.0 {
                    i0 += 1.0;
                    b = &b - &a;
                    if a > b { return &a * 10.0 + &b; }
                }
                if a > b {
                    a = &b + 1.0;
                    b = &b + 0.25;
                }
            }
            if b >= 1.0 { return &a * 10.0 + &b; }
            if a < 0.0 || b > 1.0 {
                if b >= 1.0 { return &a * 10.0 + &b; }
            } else {
                if a < 0.0 || b > 1.0 {
                    if a < 3.0 { return &a * 10.0 + &b; }
                }
            }
        } else {
            if a > b { return &a * 10.0 + &b; }
            a = &a * &b - 1.0;
        }
        a + b * 2.0
    } on [[1.0, 2.0], [3.5, -1.0], [-2.0, 0.5], [0.0, 0.0]]

    generated_6(x, y) {
        let mut a = x.clone();
        let mut b = y.clone();
        let mut i0 = &x * 0.0;
        while i0 < 3.0 {
            i0 += 1.0;
            let mut i1 = &x * 0.0;
            while i1 < 3.0 {
                i1 += 1.0;
                if a > 0.0 && b < 8.0 {
                    a = &a * 0.5;
                    if b >= 1.0 { return &a * 10.0 + &b; }
                } else {
                    if a < 0.0 || b > 1.0 { return &a * 10.0 + &b; }
                    a = &a * 0.5;
                }
                if &a + &b > 4.0 {
                    if a > b { continue; }
                } else {
                    b = &b * 0.5;
                    b = -&a;
                }
                if b >= 1.0 { return &a * 10.0 + &b; }
            }
            let mut i2 = &x * 0.0;
            while i2 < 4.0 {
                i2 += 1.0;
                let mut i3 = &x * 0.0;
                while i3 < 3.0 {
                    i3 += 1.0;
                    b = &b - &a;
                }
                if !(b > 2.5) {
                    b = &b + 0.25;
                    b = &b - &a;
                } else {
                    b = &b * &a - 1.0;
                }
                if b >= 1.0 {
                    a = &a * 0.5;
                }
            }
        }
        if !(b > 2.5) {
            let mut i4 = &x * 0.0;
            while i4 < 2.0 {
                i4 += 1.0;
                let mut i5 = &x * 0.0;
                while i5 < 3.0 {
                    i5 += 1.0;
                    b = &b * 0.5;
                    if !(b > 2.5) { return &a * 10.0 + &b; }
                }
                if b >= 1.0 { continue; }
            }
            let mut i6 = &x * 0.0;
            while i6 < 4.0 {
                i6 += 1.0;
                let mut i7 = &x * 0.0;
                while i7 < 3.0 {
                    i7 += 1.0;
                    b = &b + 0.25;
                    if a > b { break; }
                }
            }
        } else {
            if a < 0.0 || b > 1.0 {
                b = &a + 1.0;
            } else {
                if a > 0.0 && b < 8.0 {
                    b = &b - &a;
                }
                if a < 0.0 || b > 1.0 {
                    if a != 2.0 { return &a * 10.0 + &b; }
                    b = &a + 1.0;
                }
            }
            if b >= 1.0 {
                if b >= 1.0 {
                    if a > b { return &a * 10.0 + &b; }
                } else {
                    if !(b > 2.5) { return &a * 10.0 + &b; }
                    b = &b - &a;
                }
            }
            let mut i8 = &x * 0.0;
            while i8 < 3.0 {
                i8 += 1.0;
                let mut i9 = &x * 0.0;
                while i9 < 3.0 {
                    i9 += 1.0;
                    b = &b + 0.25;
                    if a > 0.0 && b < 8.0 { break; }
                }
                if a > b {
                    b = &b * 0.5;
                    if b >= 1.0 { break; }
                } else {
                    if a != 2.0 { break; }
                }
                if a != 2.0 {
                    a = &a + 0.25;
                } else {
                    a = &b + 1.0;
                    b = &b * &a - 1.0;
                }
            }
        }
        a + b * 2.0
    } on [[1.0, 2.0], [3.5, -1.0], [-2.0, 0.5], [0.0, 0.0]]

    generated_7(x, y) {
        let mut a = x.clone();
        let mut b = y.clone();
        a = &a * 0.5;
        if a != 2.0 {
            let mut i0 = &x * 0.0;
            while i0 < 2.0 {
                i0 += 1.0;
                let mut i1 = &x * 0.0;
                while i1 < 2.0 {
                    i1 += 1.0;
                    if !(b > 2.5) { return &a * 10.0 + &b; }
                    if a < 0.0 || b > 1.0 { break; }
                }
            }
        } else {
            if a > 0.0 && b < 8.0 {
                let mut i2 = &x * 0.0;
                while i2 < 3.0 {
                    i2 += 1.0;
                    b = &b * &a - 1.0;
                    a = &a + 0.25;
                }
            }
        }
        a + b * 2.0
    } on [[1.0, 2.0], [3.5, -1.0], [-2.0, 0.5], [0.0, 0.0]]

    generated_8(x, y) {
        let mut a = x.clone();
        let mut b = y.clone();
        a = &a - &b;
        let mut i0 = &x * 0.0;
        while i0 < 3.0 {
            i0 += 1.0;
            let mut i1 = &x * 0.0;
            while i1 < 2.0 {
                i1 += 1.0;
                let mut i2 = &x * 0.0;
                while i2 < 2.0 {
                    i2 += 1.0;
                    if a < 0.0 || b > 1.0 { continue; }
                }
            }
        }
        a + b * 2.0
    } on [[1.0, 2.0], [3.5, -1.0], [-2.0, 0.5], [0.0, 0.0]]

    generated_9(x, y) {
        let mut a = x.clone();
        let mut b = y.clone();
        if a < 3.0 {
            if a < 0.0 || b > 1.0 { return &a * 10.0 + &b; }
        } else {
            let mut i0 = &x * 0.0;
            while i0 < 2.0 {
                i0 += 1.0;
                if a < 3.0 {
                    if &a + &b > 4.0 { continue; }
                    b = &b + 0.25;
                } else {
                    b = &b + 0.25;
                    b = &a + 1.0;
                }
            }
            let mut i1 = &x * 0.0;
            while i1 < 3.0 {
                i1 += 1.0;
                if a < 0.0 || b > 1.0 {
                    b = &b * &a - 1.0;
                    if a > b { break; }
                } else {
                    b = &b - &a;
                    b = &b * 0.5;
                }
                if a > b {
                    b = &b - &a;
                    if b >= 1.0 { return &a * 10.0 + &b; }
                } else {
                    if a > b { return &a * 10.0 + &b; }
                }
            }
            let mut i2 = &x * 0.0;
            while i2 < 4.0 {
                i2 += 1.0;
                a = &a * 0.5;
                let mut i3 = &x * 0.0;
                while i3 < 4.0 {
                    i3 += 1.0;
                    a = -&b;
                    if a > b { return &a * 10.0 + &b; }
                }
            }
        }
        a + b * 2.0
    } on [[1.0, 2.0], [3.5, -1.0], [-2.0, 0.5], [0.0, 0.0]]

}

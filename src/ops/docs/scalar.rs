//! Functions of each element.

super::documented! { scalar_doc;
    neg: "`T[s] -> T[s]`, signed numbers."
        r#"let x = Tensor::from([1.5f32, -2.0]);
assert_eq!(x.neg().to_vec::<f32>()?, [-1.5, 2.0]);"#;
    abs: "`T[s] -> T[s]`, signed numbers."
        r#"let x = Tensor::from([1.5f32, -2.0]);
assert_eq!(x.abs().to_vec::<f32>()?, [1.5, 2.0]);"#;
    sign: "`T[s] -> T[s]`, signed numbers."
        r#"let x = Tensor::from([1.5f32, 0.0, -2.0]);
assert_eq!(x.sign().to_vec::<f32>()?, [1.0, 0.0, -1.0]);"#;
    sqrt: "`T[s] -> T[s]`, floats."
        r#"let x = Tensor::from([4.0f32, 2.25]);
assert_eq!(x.sqrt().to_vec::<f32>()?, [2.0, 1.5]);"#;
    rsqrt: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([4.0, 0.25]).rsqrt();
assert!(y.allclose([0.5, 2.0], 1e-12, 1e-15).item::<bool>()?);"#;
    cbrt: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([8.0, -27.0]).cbrt();
assert!(y.allclose([2.0, -3.0], 1e-12, 1e-15).item::<bool>()?);"#;
    floor: "`T[s] -> T[s]`, floats."
        r#"let x = Tensor::from([1.5f32, -1.5]);
assert_eq!(x.floor().to_vec::<f32>()?, [1.0, -2.0]);"#;
    ceil: "`T[s] -> T[s]`, floats."
        r#"let x = Tensor::from([1.5f32, -1.5]);
assert_eq!(x.ceil().to_vec::<f32>()?, [2.0, -1.0]);"#;
    round_even: "`T[s] -> T[s]`, floats."
        r#"let x = Tensor::from([0.5f32, 1.5, 2.4]);
assert_eq!(x.round_even().to_vec::<f32>()?, [0.0, 2.0, 2.0]);"#;
    round_half_away: "`T[s] -> T[s]`, floats."
        r#"let x = Tensor::from([0.5f32, 1.5, -2.5]);
assert_eq!(x.round_half_away().to_vec::<f32>()?, [1.0, 2.0, -3.0]);"#;
    trunc: "`T[s] -> T[s]`, floats."
        r#"let x = Tensor::from([1.5f32, -1.5]);
assert_eq!(x.trunc().to_vec::<f32>()?, [1.0, -1.0]);"#;
    is_finite: "`T[s] -> bool[s]`, floats."
        r#"let x = Tensor::from([1.0f32, f32::INFINITY, f32::NAN]);
assert_eq!(x.is_finite().to_vec::<bool>()?, [true, false, false]);"#;
    is_nan: "`T[s] -> bool[s]`, floats."
        r#"let x = Tensor::from([1.0f32, f32::INFINITY, f32::NAN]);
assert_eq!(x.is_nan().to_vec::<bool>()?, [false, false, true]);"#;
    is_inf: "`T[s] -> bool[s]`, floats."
        r#"let x = Tensor::from([1.0f32, f32::INFINITY, f32::NAN]);
assert_eq!(x.is_inf().to_vec::<bool>()?, [false, true, false]);"#;
    exp: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).exp();
assert!(y.allclose([1.0, std::f64::consts::E], 1e-12, 1e-15).item::<bool>()?);"#;
    expm1: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1e-10]).expm1();
assert!(y.allclose([0.0, 1.00000000005e-10], 1e-12, 1e-15).item::<bool>()?);"#;
    log: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([1.0, std::f64::consts::E]).log();
assert!(y.allclose([0.0, 1.0], 1e-12, 1e-15).item::<bool>()?);"#;
    log1p: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1e-10]).log1p();
assert!(y.allclose([0.0, 9.9999999995e-11], 1e-12, 1e-15).item::<bool>()?);"#;
    exp2: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([3.0, -1.0]).exp2();
assert!(y.allclose([8.0, 0.5], 1e-12, 1e-15).item::<bool>()?);"#;
    log2: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([8.0, 0.5]).log2();
assert!(y.allclose([3.0, -1.0], 1e-12, 1e-15).item::<bool>()?);"#;
    logistic: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 2.0]).logistic();
assert!(y.allclose([0.5, 0.880797077977882], 1e-12, 1e-15).item::<bool>()?);"#;
    sin: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, std::f64::consts::FRAC_PI_2]).sin();
assert!(y.allclose([0.0, 1.0], 1e-12, 1e-15).item::<bool>()?);"#;
    cos: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, std::f64::consts::PI]).cos();
assert!(y.allclose([1.0, -1.0], 1e-12, 1e-15).item::<bool>()?);"#;
    tan: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, std::f64::consts::FRAC_PI_4]).tan();
assert!(y.allclose([0.0, 1.0], 1e-12, 1e-15).item::<bool>()?);"#;
    tanh: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).tanh();
assert!(y.allclose([0.0, 0.7615941559557649], 1e-12, 1e-15).item::<bool>()?);"#;
    asin: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).asin();
assert!(y.allclose([0.0, std::f64::consts::FRAC_PI_2], 1e-12, 1e-15).item::<bool>()?);"#;
    acos: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([1.0, -1.0]).acos();
assert!(y.allclose([0.0, std::f64::consts::PI], 1e-12, 1e-15).item::<bool>()?);"#;
    atan: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).atan();
assert!(y.allclose([0.0, std::f64::consts::FRAC_PI_4], 1e-12, 1e-15).item::<bool>()?);"#;
    sinh: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).sinh();
assert!(y.allclose([0.0, 1.1752011936438014], 1e-12, 1e-15).item::<bool>()?);"#;
    cosh: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).cosh();
assert!(y.allclose([1.0, 1.543080634815244], 1e-12, 1e-15).item::<bool>()?);"#;
    asinh: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).asinh();
assert!(y.allclose([0.0, 0.881373587019543], 1e-12, 1e-15).item::<bool>()?);"#;
    acosh: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([1.0, 2.0]).acosh();
assert!(y.allclose([0.0, 1.3169578969248166], 1e-12, 1e-15).item::<bool>()?);"#;
    atanh: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 0.5]).atanh();
assert!(y.allclose([0.0, 0.5493061443340548], 1e-12, 1e-15).item::<bool>()?);"#;
    erf: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).erf();
assert!(y.allclose([0.0, 0.8427007929497149], 1e-12, 1e-15).item::<bool>()?);"#;
    erfc: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).erfc();
assert!(y.allclose([1.0, 0.15729920705028513], 1e-12, 1e-15).item::<bool>()?);"#;
    not: "`T[s] -> T[s]`, bool (logical) and integers (bitwise)."
        r#"let x = Tensor::from([true, false]);
assert_eq!(x.not().to_vec::<bool>()?, [false, true]);
assert_eq!(Tensor::from([0u8, 15]).not().to_vec::<u8>()?, [255, 240]);"#;
    popcount: "`I[s] -> I[s]`, integers."
        r#"let x = Tensor::from([7u8, 8]);
assert_eq!(x.popcount().to_vec::<u8>()?, [3, 1]);"#;
    clz: "`I[s] -> I[s]`, integers."
        r#"let x = Tensor::from([1u8, 128]);
assert_eq!(x.clz().to_vec::<u8>()?, [7, 0]);"#;
    add: "`T[s], T[s] -> T[s]`, numbers."
        r#"let (x, y) = (Tensor::from([1, 2]), Tensor::from([10, 20]));
assert_eq!(x.add(y).to_vec::<i32>()?, [11, 22]);"#;
    sub: "`T[s], T[s] -> T[s]`, numbers."
        r#"let (x, y) = (Tensor::from([1, 2]), Tensor::from([10, 20]));
assert_eq!(x.sub(y).to_vec::<i32>()?, [-9, -18]);"#;
    mul: "`T[s], T[s] -> T[s]`, numbers."
        r#"let (x, y) = (Tensor::from([1, 2]), Tensor::from([10, 20]));
assert_eq!(x.mul(y).to_vec::<i32>()?, [10, 40]);"#;
    div: "`T[s], T[s] -> T[s]`, numbers."
        r#"let (x, y) = (Tensor::from([7, -7]), Tensor::from([2, 2]));
assert_eq!(x.div(y).to_vec::<i32>()?, [3, -3]);"#;
    floordiv: "`T[s], T[s] -> T[s]`, numbers."
        r#"let (x, y) = (Tensor::from([7, -7]), Tensor::from([2, 2]));
assert_eq!(x.floordiv(y).to_vec::<i32>()?, [3, -4]);"#;
    rem: "`T[s], T[s] -> T[s]`, numbers."
        r#"let (x, y) = (Tensor::from([7, -7]), Tensor::from([4, 4]));
assert_eq!(x.rem(y).to_vec::<i32>()?, [3, -3]);"#;
    floor_mod: "`T[s], T[s] -> T[s]`, numbers."
        r#"let (x, y) = (Tensor::from([7, -7]), Tensor::from([4, 4]));
assert_eq!(x.floor_mod(y).to_vec::<i32>()?, [3, 1]);"#;
    pow: "`T[s], T[s] -> T[s]`, numbers."
        r#"let (x, y) = (Tensor::from([2, 3]), Tensor::from([10, 2]));
assert_eq!(x.pow(y).to_vec::<i32>()?, [1024, 9]);"#;
    maximum: "`T[s], T[s] -> T[s]`, any dtype."
        r#"let (x, y) = (Tensor::from([1, 5]), Tensor::from([3, 3]));
assert_eq!(x.maximum(y).to_vec::<i32>()?, [3, 5]);"#;
    minimum: "`T[s], T[s] -> T[s]`, any dtype."
        r#"let (x, y) = (Tensor::from([1, 5]), Tensor::from([3, 3]));
assert_eq!(x.minimum(y).to_vec::<i32>()?, [1, 3]);"#;
    atan2: "`T[s], T[s] -> T[s]`, floats."
        r#"let (y, x) = (Tensor::from([1.0, 0.0]), Tensor::from([0.0, -1.0]));
let angles = [std::f64::consts::FRAC_PI_2, std::f64::consts::PI];
assert!(y.atan2(x).allclose(angles, 1e-12, 0.0).item::<bool>()?);"#;
    and: "`T[s], T[s] -> T[s]`, bool (logical) and integers (bitwise)."
        r#"let (x, y) = (Tensor::from([true, true]), Tensor::from([true, false]));
assert_eq!(x.and(y).to_vec::<bool>()?, [true, false]);"#;
    or: "`T[s], T[s] -> T[s]`, bool (logical) and integers (bitwise)."
        r#"let (x, y) = (Tensor::from([true, false]), Tensor::from([false, false]));
assert_eq!(x.or(y).to_vec::<bool>()?, [true, false]);"#;
    xor: "`T[s], T[s] -> T[s]`, bool (logical) and integers (bitwise)."
        r#"let (x, y) = (Tensor::from([true, true]), Tensor::from([true, false]));
assert_eq!(x.xor(y).to_vec::<bool>()?, [false, true]);"#;
    shl: "`I[s], I[s] -> I[s]`, integers."
        r#"let (x, y) = (Tensor::from([1, 3]), Tensor::from([4, 1]));
assert_eq!(x.shl(y).to_vec::<i32>()?, [16, 6]);"#;
    shr_logic: "`I[s], I[s] -> I[s]`, integers."
        r#"let (x, y) = (Tensor::from([240u8, 3]), Tensor::from([4u8, 1]));
assert_eq!(x.shr_logic(y).to_vec::<u8>()?, [15, 1]);"#;
    shr_arith: "`I[s], I[s] -> I[s]`, integers."
        r#"let (x, y) = (Tensor::from([16, -16]), Tensor::from([2, 2]));
assert_eq!(x.shr_arith(y).to_vec::<i32>()?, [4, -4]);"#;
    eq: "`T[s], T[s] -> bool[s]`, any dtype."
        r#"let x = Tensor::from([1, 2, 3]);
assert_eq!(x.eq(2).to_vec::<bool>()?, [false, true, false]);"#;
    ne: "`T[s], T[s] -> bool[s]`, any dtype."
        r#"let x = Tensor::from([1, 2, 3]);
assert_eq!(x.ne(2).to_vec::<bool>()?, [true, false, true]);"#;
    lt: "`T[s], T[s] -> bool[s]`, any dtype."
        r#"let x = Tensor::from([1, 2, 3]);
assert_eq!(x.lt(2).to_vec::<bool>()?, [true, false, false]);"#;
    le: "`T[s], T[s] -> bool[s]`, any dtype."
        r#"let x = Tensor::from([1, 2, 3]);
assert_eq!(x.le(2).to_vec::<bool>()?, [true, true, false]);"#;
    gt: "`T[s], T[s] -> bool[s]`, any dtype."
        r#"let x = Tensor::from([1, 2, 3]);
assert_eq!(x.gt(2).to_vec::<bool>()?, [false, false, true]);"#;
    ge: "`T[s], T[s] -> bool[s]`, any dtype."
        r#"let x = Tensor::from([1, 2, 3]);
assert_eq!(x.ge(2).to_vec::<bool>()?, [false, true, true]);"#;
    lt_total: "`T[s], T[s] -> bool[s]`, any dtype."
        r#"let x = Tensor::from([-0.0f32, 1.0]);
assert_eq!(x.lt_total([0.0, f32::NAN]).to_vec::<bool>()?, [true, true]);"#;
    le_total: "`T[s], T[s] -> bool[s]`, any dtype."
        r#"let x = Tensor::from([0.0f32, f32::NAN]);
assert_eq!(x.le_total([-0.0, f32::NAN]).to_vec::<bool>()?, [false, true]);"#;
}

//! Functions of each element.

super::documented! { scalar_doc;
    neg: "`T[s] -> T[s]`, signed numbers."
        r#"let x = Tensor::from([1.5f32, -2.0]);
assert_eq!(x.neg().to_vec::<f32>()?, [-1.5, 2.0]);"#;
    optimization_barrier: "`T[s] -> T[s]`, any dtype."
        r#"// The error of the sum, which algebra would find to be 0.
let (x, y) = (Tensor::from([1.0f32]), Tensor::from([1e-8f32]));
let sum = (&x + &y).optimization_barrier();
let error = y - (sum - x);
assert_eq!(error.to_vec::<f32>()?, [1e-8]);"#;
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
    cbrt: "`T[s] -> T[s]`, floats or complex numbers, of which it is the principal root: that of -1 is not -1."
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
    expm1: "`T[s] -> T[s]`, floats and complex numbers."
        r#"let y = Tensor::from([0.0, 1e-10]).expm1();
assert!(y.allclose([0.0, 1.00000000005e-10], 1e-12, 1e-15).item::<bool>()?);"#;
    log: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([1.0, std::f64::consts::E]).log();
assert!(y.allclose([0.0, 1.0], 1e-12, 1e-15).item::<bool>()?);"#;
    log1p: "`T[s] -> T[s]`, floats and complex numbers."
        r#"let y = Tensor::from([0.0, 1e-10]).log1p();
assert!(y.allclose([0.0, 9.9999999995e-11], 1e-12, 1e-15).item::<bool>()?);"#;
    exp2: "`T[s] -> T[s]`, floats and complex numbers."
        r#"let y = Tensor::from([3.0, -1.0]).exp2();
assert!(y.allclose([8.0, 0.5], 1e-12, 1e-15).item::<bool>()?);"#;
    log2: "`T[s] -> T[s]`, floats and complex numbers."
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
    gamma: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.5, 5.0]).gamma();
assert!(y.allclose([1.772453850905516, 24.0], 1e-12, 1e-15).item::<bool>()?);"#;
    lgamma: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.5, 5.0]).lgamma();
assert!(y.allclose([0.5723649429247001, 24f64.ln()], 1e-12, 1e-15).item::<bool>()?);"#;
    digamma: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([1.0, 2.0]).digamma();
assert!(y.allclose([-0.5772156649015329, 0.42278433509846713], 1e-12, 1e-15).item::<bool>()?);"#;
    erfinv: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 0.5]).erfinv();
assert!(y.allclose([0.0, 0.4769362762044699], 1e-12, 1e-15).item::<bool>()?);"#;
    erfcx: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1e8]).erfcx();
assert!(y.allclose([1.0, 5.641895835477563e-9], 1e-12, 1e-15).item::<bool>()?);"#;
    ndtr: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, -1.96]).ndtr();
assert!(y.allclose([0.5, 0.024997895148220428], 1e-12, 1e-15).item::<bool>()?);"#;
    ndtri: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.5, 0.975]).ndtri();
assert!(y.allclose([0.0, 1.959963984540054], 1e-12, 1e-15).item::<bool>()?);"#;
    log_ndtr: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, -40.0]).log_ndtr();
assert!(y.allclose([0.5f64.ln(), -804.6084420137539], 1e-12, 1e-15).item::<bool>()?);"#;
    i0: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).i0();
assert!(y.allclose([1.0, 1.2660658777520084], 1e-12, 1e-15).item::<bool>()?);"#;
    i1: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).i1();
assert!(y.allclose([0.0, 0.565159103992485], 1e-12, 1e-15).item::<bool>()?);"#;
    i0e: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).i0e();
assert!(y.allclose([1.0, 0.46575960759364043], 1e-12, 1e-15).item::<bool>()?);"#;
    i1e: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).i1e();
assert!(y.allclose([0.0, 0.2079104153497085], 1e-12, 1e-15).item::<bool>()?);"#;
    j0: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).j0();
assert!(y.allclose([1.0, 0.7651976865579666], 1e-12, 1e-15).item::<bool>()?);"#;
    j1: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([0.0, 1.0]).j1();
assert!(y.allclose([0.0, 0.4400505857449335], 1e-12, 1e-15).item::<bool>()?);"#;
    y0: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([1.0, 2.0]).y0();
assert!(y.allclose([0.08825696421567697, 0.5103756726497451], 1e-12, 1e-15).item::<bool>()?);"#;
    y1: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([1.0, 2.0]).y1();
assert!(y.allclose([-0.7812128213002887, -0.10703243154093755], 1e-12, 1e-15).item::<bool>()?);"#;
    exp1: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([1.0, 2.0]).exp1();
assert!(y.allclose([0.21938393439552029, 0.04890051070806112], 1e-12, 1e-15).item::<bool>()?);"#;
    expi: "`T[s] -> T[s]`, floats."
        r#"let y = Tensor::from([1.0, -1.0]).expi();
assert!(y.allclose([1.8951178163559368, -0.21938393439552029], 1e-12, 1e-15).item::<bool>()?);"#;
    lbeta: "`T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"let y = Tensor::from([2.0, 0.5]).lbeta([3.0, 0.5]);
assert!(y.allclose([(1.0 / 12f64).ln(), std::f64::consts::PI.ln()], 1e-12, 1e-15).item::<bool>()?);"#;
    zeta: "`T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"let y = Tensor::from([2.0, 4.0]).zeta(1.0);
assert!(y.allclose([1.6449340668482264, 1.0823232337111382], 1e-12, 1e-15).item::<bool>()?);"#;
    expn: "`T[s], T[s] -> T[s]`, floats; shapes broadcast. The order is `self`, rounded to an integer."
        r#"let y = Tensor::from([2.0, 3.0]).expn(0.0);
assert!(y.allclose([1.0, 0.5], 1e-12, 1e-15).item::<bool>()?);"#;
    hyp0f1: "`T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"// With 1/2, the hyperbolic cosine of twice the root.
let y = Tensor::from([0.5, 0.5]).hyp0f1([0.25, 1.0]);
assert!(y.allclose([1f64.cosh(), 2f64.cosh()], 1e-12, 1e-15).item::<bool>()?);"#;
    zeta_grad_s: "`T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"let y = Tensor::from([2.0]).zeta_grad_s(1.0);
assert!(y.allclose([-0.9375482543158437], 1e-12, 1e-15).item::<bool>()?);"#;
    igamma: "`T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"let y = Tensor::from([1.0, 3.0]).igamma([1.0, 2.0]);
assert!(y.allclose([0.6321205588285577, 0.32332358381693654], 1e-12, 1e-15).item::<bool>()?);"#;
    igammac: "`T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"let y = Tensor::from([1.0, 3.0]).igammac([1.0, 2.0]);
assert!(y.allclose([0.36787944117144233, 0.6766764161830635], 1e-12, 1e-15).item::<bool>()?);"#;
    igamma_grad_a: "`T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"let y = Tensor::from([1.0]).igamma_grad_a(1.0);
assert!(y.allclose([-0.431729710634899], 1e-6, 1e-15).item::<bool>()?);"#;
    gamma_density: "`T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"let y = Tensor::from([1.0, 3.0]).gamma_density([1.0, 2.0]);
assert!(y.allclose([0.36787944117144233, 0.2706705664732254], 1e-12, 1e-15).item::<bool>()?);"#;
    owens_t: "`T[s], T[s] -> T[s]`, floats; shapes broadcast."
        r#"let y = Tensor::from([0.0, 1.0]).owens_t([1.0, 1.0]);
assert!(y.allclose([0.125, 0.06674188216570096], 1e-12, 1e-15).item::<bool>()?);"#;
    betainc: "`T[s], T[s], T[s] -> T[s]`, floats; shapes broadcast. `a` and `b` are the shapes."
        r#"let y = Tensor::from([2.0, 1.0]).betainc([3.0, 1.0], [0.5, 0.25]);
assert!(y.allclose([0.6875, 0.25], 1e-12, 1e-15).item::<bool>()?);"#;
    hyp1f1: "`T[s], T[s], T[s] -> T[s]`, floats; shapes broadcast. `a` and `b` are parameters."
        r#"// With equal parameters, the exponential function.
let y = Tensor::from([2.0, 2.0]).hyp1f1(2.0, [1.0, -1.0]);
assert!(y.allclose([1f64.exp(), (-1f64).exp()], 1e-12, 1e-15).item::<bool>()?);"#;
    hyp2f1: "`T[s], T[s], T[s], T[s] -> T[s]`, floats; shapes broadcast. `a`, `b` and `c` are parameters."
        r#"// With 1, 1 and 2, a logarithm.
let y = Tensor::from([1.0, 1.0]).hyp2f1(1.0, 2.0, [0.5, -1.0]);
assert!(y.allclose([2.0 * 2f64.ln(), 2f64.ln()], 1e-12, 1e-15).item::<bool>()?);"#;
    betainc_grad_a: "`T[s], T[s], T[s] -> T[s]`, floats; shapes broadcast. `a` and `b` are the shapes."
        r#"let y = Tensor::from([1.0]).betainc_grad_a(1.0, 0.5);
assert!(y.allclose([-0.34657359027997264], 1e-12, 1e-15).item::<bool>()?);"#;
    beta_density: "`T[s], T[s], T[s] -> T[s]`, floats; shapes broadcast. `a` and `b` are the shapes."
        r#"let y = Tensor::from([2.0, 1.0]).beta_density([3.0, 1.0], [0.5, 0.25]);
assert!(y.allclose([1.5, 1.0], 1e-12, 1e-15).item::<bool>()?);"#;
    log_gamma_draw: "`f64[s], u64[s] -> f64[s]`; shapes broadcast. [`RandomKey::gamma`](crate::RandomKey::gamma) draws by it; its derivative by the shape is that of a quantile."
        r#"let seeds = RandomKey::new(7).uniform([1000], 0u64, u64::MAX);
let mean = Tensor::from(3.0).log_gamma_draw(&seeds).exp().mean(..).item::<f64>()?;
assert!((mean - 3.0).abs() < 0.2);"#;
    poisson_draw: "`f64[s], u64[s] -> f64[s]`; shapes broadcast. [`RandomKey::poisson`](crate::RandomKey::poisson) draws by it."
        r#"let seeds = RandomKey::new(7).uniform([1000], 0u64, u64::MAX);
let mean = Tensor::from(20.0).poisson_draw(&seeds).mean(..).item::<f64>()?;
assert!((mean - 20.0).abs() < 0.5);"#;
    binomial_draw: "`f64[s], f64[s], u64[s] -> f64[s]`; shapes broadcast. [`RandomKey::binomial`](crate::RandomKey::binomial) draws by it."
        r#"let seeds = RandomKey::new(7).uniform([1000], 0u64, u64::MAX);
let mean = Tensor::from(100.0).binomial_draw(0.25, &seeds).mean(..).item::<f64>()?;
assert!((mean - 25.0).abs() < 0.5);"#;
}

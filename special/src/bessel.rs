//! Bessel functions of orders 0 and 1.

/// Of the first kind, of order 0.
pub fn j0(x: f64) -> f64 {
    libm::j0(x)
}

/// Of the first kind, of order 1.
pub fn j1(x: f64) -> f64 {
    libm::j1(x)
}

/// Of the second kind, of order 0: minus infinity at 0, NaN below.
pub fn y0(x: f64) -> f64 {
    if x == 0.0 { f64::NEG_INFINITY } else { libm::y0(x) }
}

/// Of the second kind, of order 1: minus infinity at 0, NaN below.
pub fn y1(x: f64) -> f64 {
    if x == 0.0 { f64::NEG_INFINITY } else { libm::y1(x) }
}

/// Modified, of the first kind, of order 0.
pub fn i0(x: f64) -> f64 {
    pxfm::f_i0(x)
}

/// Modified, of the first kind, of order 1.
pub fn i1(x: f64) -> f64 {
    pxfm::f_i1(x)
}

/// `e^-|x| i0(x)`.
pub fn i0e(x: f64) -> f64 {
    pxfm::f_i0e(x)
}

/// `e^-|x| i1(x)`.
pub fn i1e(x: f64) -> f64 {
    pxfm::f_i1e(x)
}

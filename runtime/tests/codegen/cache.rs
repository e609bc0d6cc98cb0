//! The structural cache of kernels.

use std::sync::{Arc, Barrier};

use tensorwright_compiler::kernel::{Instr, Kernel, Reg};
use tensorwright_ir::op::primitive::BinaryFn;
use tensorwright_ir::{DType, Scalar};
use tensorwright_runtime::jit;

use crate::instructions::map;

fn kernel(constant: f32) -> Kernel {
    let body = vec![Instr::Const(Scalar::F32(constant)), Instr::Binary(BinaryFn::Mul, Reg(0), Reg(1))];
    map(100, &[DType::F32], body, DType::F32)
}

#[test]
fn equal_kernels_share_code() {
    let first = jit::compile_kernel(&kernel(4242.0)).unwrap();
    let second = jit::compile_kernel(&kernel(4242.0)).unwrap();
    let other = jit::compile_kernel(&kernel(4243.0)).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert!(!Arc::ptr_eq(&first, &other));
}

#[test]
fn code_goes_with_its_last_user() {
    let code = jit::compile_kernel(&kernel(777.0)).unwrap();
    let weak = Arc::downgrade(&code);
    drop(code);
    assert!(weak.upgrade().is_none());
}

#[test]
fn one_thread_compiles_for_all() {
    let threads = 8;
    let barrier = Barrier::new(threads);
    let codes: Vec<_> = std::thread::scope(|scope| {
        let one = || {
            barrier.wait();
            jit::compile_kernel(&kernel(31337.0)).unwrap()
        };
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    assert!(codes.iter().all(|code| Arc::ptr_eq(code, &codes[0])));
}

#[test]
fn several_kernels_come_in_order() {
    let kernels: Vec<Kernel> = (0..20).map(|i| kernel(1000.0 + (i % 10) as f32)).collect();
    let codes = jit::compile_kernels(&kernels).unwrap();
    assert_eq!(codes.len(), kernels.len());
    assert!((0..10).all(|i| Arc::ptr_eq(&codes[i], &codes[i + 10])));
}

#[test]
fn listings_show_both_forms() {
    let listing = jit::listing(&kernel(3.0)).unwrap();
    assert!(listing.clif.contains("fmul"));
    let multiplication = if cfg!(target_arch = "x86_64") { "mulps" } else { "fmul" };
    assert!(listing.assembly.contains(multiplication), "{}", listing.assembly);
    assert!(listing.code_bytes > 0);
}

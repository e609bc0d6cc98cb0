//! tensorwright-compiler

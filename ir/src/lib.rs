//! tensorwright-ir

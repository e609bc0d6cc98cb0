//! tensorwright-runtime

//! tensorwright-macros

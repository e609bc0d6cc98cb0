//! tensorwright-testkit

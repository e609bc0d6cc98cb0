//! Tensorwright

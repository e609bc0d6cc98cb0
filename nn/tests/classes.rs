//! What holds for all classes of layers, in random configurations.

mod classes {
    mod examples;
    mod rules;
    mod saved;
    mod written;
}

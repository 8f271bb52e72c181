//! bare_statements

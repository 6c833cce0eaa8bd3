//! What the fuzz targets reach of kit beside its public interface. Not for anything else.

use std::path::Path;
use std::sync::Arc;

use crate::config::Document;
use crate::web::{Gate, Web};

/// Reads a web configuration's text; true if it is good.
pub fn web_config(text: &str) -> bool {
    let document = Document::embedded("web.yml", text);
    Web::from_document(&document, Path::new("web.yml"), &Arc::new(Gate::new()), None).is_ok()
}

/// Reads a request's query; the values that were found, together.
pub fn query(text: &str) -> String {
    crate::serve::fuzz_query(text)
}

/// Reads an `Authorization` header; the user and the password in it.
pub fn authorization(header: &[u8]) -> Option<(String, String)> {
    crate::web::basic(header)
}

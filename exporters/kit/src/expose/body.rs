//! Several pages as one response.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::encoded::Encoded;
use super::gzip;
use super::negotiate::Negotiated;
use crate::page::{Dropped, Page};

/// Bodies shorter than this many bytes are sent as they are: they fit into a packet either way.
pub(super) const LEAST_COMPRESSED: usize = 1024;

/// More samples than this are encoded on a blocking thread: with compression they take about 10 ms.
const LARGE: usize = 20_000;

/// A response's body, and what its headers must say.
#[derive(Clone, Debug)]
pub struct Body {
    /// The bytes to send.
    pub bytes: Bytes,
    /// Whether they are compressed: `Content-Encoding: gzip`.
    pub gzip: bool,
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// What was dropped because two parts had it: metric name and reason.
    pub dropped: Vec<(&'static str, Dropped)>,
}

/// Makes one body of `parts`, in their order. What a part has been encoded or compressed to before is used again. Parts
/// that share a family are made one page first, since a format allows each family only once.
///
/// Large pages are encoded on the runtime's blocking threads, so that a scrape of one does not hold up the others. Must
/// be called within a tokio runtime.
pub async fn body(parts: &[Arc<Encoded>], negotiated: &Negotiated) -> Body {
    let work: usize =
        if parts.len() > 1 && groups(parts).iter().enumerate().any(|(index, group)| index != *group) {
            parts.iter().map(|part| part.page().len()).sum()
        } else {
            parts.iter().map(|part| part.pending(negotiated.format, negotiated.gzip)).sum()
        };
    if work > LARGE {
        let (owned, negotiated) = (parts.to_vec(), *negotiated);
        // The task fails only while the runtime stops; then the answer is made here.
        if let Ok(body) = tokio::task::spawn_blocking(move || assemble(&owned, &negotiated)).await {
            return body;
        }
    }
    assemble(parts, negotiated)
}

fn assemble(parts: &[Arc<Encoded>], negotiated: &Negotiated) -> Body {
    let (parts, dropped) = distinct(parts);
    let (format, trailer) = (negotiated.format, negotiated.format.trailer());
    let content_type = negotiated.content_type();
    let least: usize = parts.iter().map(|part| part.least_length(format)).sum();
    if negotiated.gzip && least >= LEAST_COMPRESSED {
        let blocks: Vec<_> = parts.iter().map(|part| part.blocks(format)).collect();
        let bytes = gzip::member(&blocks, trailer).into();
        return Body { bytes, gzip: true, content_type, dropped };
    }
    let bytes = match parts.as_slice() {
        [part] if trailer.is_empty() => part.plain(format),
        parts => {
            let plain: Vec<Bytes> = parts.iter().map(|part| part.plain(format)).collect();
            let length = plain.iter().map(Bytes::len).sum::<usize>() + trailer.len();
            let mut bytes = Vec::with_capacity(length);
            plain.iter().for_each(|part| bytes.extend_from_slice(part));
            bytes.extend_from_slice(trailer);
            bytes.into()
        }
    };
    Body { bytes, gzip: false, content_type, dropped }
}

/// The parts, with those that share families made one page at the first one's place; and what that dropped.
fn distinct(parts: &[Arc<Encoded>]) -> (Vec<Arc<Encoded>>, Vec<(&'static str, Dropped)>) {
    let groups = groups(parts);
    let mut distinct = Vec::with_capacity(parts.len());
    let mut dropped = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        if groups[index] != index {
            continue;
        }
        let mut others = (index + 1..parts.len()).filter(|other| groups[*other] == index).peekable();
        if others.peek().is_none() {
            distinct.push(part.clone());
            continue;
        }
        let mut merged = Page::new();
        merged.absorb_samples(part.page());
        others.for_each(|other| merged.absorb_samples(parts[other].page()));
        dropped.extend_from_slice(merged.dropped());
        distinct.push(Arc::new(Encoded::new(merged)));
    }
    (distinct, dropped)
}

/// For each part, the first part that it shares families with, directly or through others.
fn groups(parts: &[Arc<Encoded>]) -> Vec<usize> {
    let mut groups: Vec<usize> = (0..parts.len()).collect();
    if parts.len() < 2 {
        return groups;
    }
    let mut owners: HashMap<&'static str, usize> = HashMap::new();
    for (index, part) in parts.iter().enumerate() {
        for desc in part.page().descs() {
            let owner = *owners.entry(desc.family()).or_insert(index);
            let (one, two) = (groups[owner], groups[index]);
            if one != two {
                let (first, last) = (one.min(two), one.max(two));
                groups.iter_mut().filter(|group| **group == last).for_each(|group| *group = first);
            }
        }
    }
    groups
}

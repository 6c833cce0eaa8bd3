//! The verification itself: webpki builds the paths, and everything it would keep silent about is worked out beside it.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

use super::certificate::{Certificate, Chain};
use super::der::{Parts, Reader, SEQUENCE};
use super::memory::Memory;
use super::ocsp::{self, Staple};
use super::roots::{Anchors, Roots};
use super::verification::{NameMatch, Trust, Validity, Verification};

/// After so many paths to an anchor no more are sought.
const PATHS: usize = 8;

/// Where a client's anchors are.
#[derive(Debug)]
pub(super) enum Trusted {
    Files(Anchors),
    Shared(Arc<Roots>),
}

/// Verifies chains for one client.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) trusted: Trusted,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    /// Whether stapled OCSP responses are judged, too.
    pub(super) heeds_staple: bool,
    /// Whether paths are kept.
    keeps_paths: bool,
    remembered: Mutex<Memory>,
}

/// A chain, what was asked, and the judgement.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) chain: Arc<Chain>,
    pub(super) verification: Verification,
    pub(super) name: ServerName<'static>,
    /// The judgement holds from one moment to before the other, seconds since 1970; empty when it is not to be reused.
    pub(super) holds: std::ops::Range<i64>,
}

/// What path building found at one moment.
struct Search {
    result: Result<(), Error>,
    /// When each path found expires.
    expiries: Vec<i64>,
    /// The paths, with when each expires, if they are kept.
    paths: Vec<(i64, Vec<CertificateDer<'static>>)>,
    /// The last moment of an anchor that has expired, if only that stood in the way.
    expired_anchor: Option<i64>,
}

impl Judge {
    pub(super) fn new(
        trusted: Trusted,
        algorithms: WebPkiSupportedAlgorithms,
        (heeds_staple, keeps_paths): (bool, bool),
    ) -> Self {
        Self { trusted, algorithms, heeds_staple, keeps_paths, remembered: Mutex::default() }
    }

    fn anchors(&self) -> &Anchors {
        match &self.trusted {
            Trusted::Files(anchors) => anchors,
            Trusted::Shared(roots) => roots.anchors(),
        }
    }

    /// Judges a chain. A server shows the same one until it is renewed, so a good judgement is kept until a date in the
    /// chain could change it; the proof that the server holds the key is made anew in every handshake.
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Arc<Judged> {
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let above = {
            let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(judged) = remembered.find(leaf, intermediates, name)
                && judged.holds.contains(&seconds)
            {
                return judged;
            }
            intermediates.iter().map(|der| remembered.link(der)).collect()
        };
        let chain = Arc::new(Chain::under(leaf, above));
        let verification = self.verify(leaf, intermediates, &chain, name, now);
        let holds = if verification.is_good() { lasting(&chain, &verification, seconds) } else { 0..0 };
        let judged = Arc::new(Judged { chain, verification, name: name.to_owned(), holds });
        if !judged.holds.is_empty() {
            let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            remembered.keep(leaf, &judged);
        }
        judged
    }

    /// Judges a stapled OCSP response. The issuer's key is that of a certificate which was sent, or of an anchor.
    pub(super) fn staple(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        response: &[u8],
        now: UnixTime,
    ) -> Staple {
        let name = Parts::of(leaf).map_or(&[][..], |leaf| leaf.issuer);
        let sent = intermediates.iter().filter_map(|der| Parts::of(der));
        let sent = sent.filter(|above| above.subject.whole == name).map(|above| above.key);
        let anchors = self.anchors().trust().iter();
        let anchored = anchors.filter(|anchor| {
            Reader(name).take(SEQUENCE).is_some_and(|name| name.content == &*anchor.subject)
        });
        let anchored = anchored.map(|anchor| &*anchor.subject_public_key_info);
        let issuers: Vec<&[u8]> = sent.chain(anchored).take(PATHS).collect();
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        ocsp::read(response, leaf, &issuers, &self.algorithms, seconds)
    }

    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        chain: &Chain,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Verification {
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let facts = chain.leaf();
        let validity = facts.map_or(Validity::Unreadable, |facts| dates(facts, seconds));
        let mut verification = Verification {
            server_name: name.to_str().into_owned(),
            validity,
            path_validity: validity,
            name: NameMatch::Unreadable,
            trust: Trust::Unreadable,
            detail: None,
            path_expiry: None,
            paths: Vec::new(),
        };
        let anchors = self.anchors();
        let entity = EndEntityCert::try_from(leaf);
        verification.name = match (&entity, facts) {
            (Ok(entity), _) if entity.verify_is_valid_for_subject_name(name).is_ok() => NameMatch::Match,
            (_, Some(facts)) => names(facts),
            _ => NameMatch::Unreadable,
        };
        if let Some(facts) = facts
            && anchors.holds(&facts.fingerprint)
        {
            verification.trust = Trust::Pinned;
            if self.keeps_paths {
                verification.paths = vec![vec![leaf.clone().into_owned()]];
            }
            verification.path_expiry = Some(facts.not_after);
            return verification;
        }
        let entity = match &entity {
            Ok(entity) => entity,
            Err(error) => {
                verification.trust = trust(error, chain);
                verification.detail = Some(words(error, chain));
                return verification;
            }
        };
        let mut search = self.search(entity, anchors, intermediates, chain, now, true);
        if let Some((path, moments)) = past(&search, chain) {
            // Dates stand in the way. Whether there would be trust without them is another question: ask it of a moment
            // at which the dates were good.
            if verification.validity == Validity::Valid {
                verification.path_validity = path;
            }
            for moment in moments {
                let earlier = self.search(entity, anchors, intermediates, chain, moment, false);
                let found = earlier.result.is_ok();
                if found || !is_date(&earlier.result) {
                    search = earlier;
                }
                if found {
                    break;
                }
            }
        }
        match &search.result {
            Ok(()) => {
                verification.trust = Trust::Anchored;
                verification.path_expiry = search.expiries.iter().copied().max();
                search.paths.sort_by_key(|(expiry, _)| std::cmp::Reverse(*expiry));
                verification.paths = search.paths.into_iter().map(|(_, path)| path).collect();
            }
            Err(error) => {
                verification.trust = trust(error, chain);
                verification.detail = Some(words(error, chain));
            }
        }
        verification
    }

    /// Looks for paths at a moment. `webpki` would stop at the first; refusing each makes it go on to the next.
    fn search(
        &self,
        entity: &EndEntityCert<'_>,
        anchors: &Anchors,
        intermediates: &[CertificateDer<'_>],
        chain: &Chain,
        moment: UnixTime,
        anchors_expire: bool,
    ) -> Search {
        let seconds = i64::try_from(moment.as_secs()).unwrap_or(i64::MAX);
        let found: RefCell<(Vec<i64>, Option<i64>, Vec<_>)> = RefCell::default();
        let each = |path: &webpki::VerifiedPath<'_>| {
            let mut found = found.borrow_mut();
            let anchor = anchors.not_after(path.anchor());
            if let Some(not_after) = anchor
                && anchors_expire
                && not_after < seconds
            {
                found.1 = Some(not_after);
                return Err(Error::UnknownIssuer);
            }
            let own = chain.leaf().map(|leaf| leaf.not_after);
            let between = path.intermediate_certificates().filter_map(|certificate| {
                let der = certificate.der();
                let link = chain.links.iter().find(|link| link.der == der)?;
                link.facts.as_ref().ok().map(|facts| facts.not_after)
            });
            let expiry = between.chain(own).chain(anchor).min();
            found.0.extend(expiry);
            if self.keeps_paths {
                let between = path.intermediate_certificates().map(|certificate| certificate.der());
                let whole = chain.links.first().map(|link| link.der.clone()).into_iter();
                let whole = whole.chain(between.map(CertificateDer::into_owned));
                let whole = whole.chain(anchors.whole(path.anchor()).cloned());
                let mut whole: Vec<CertificateDer<'static>> = whole.collect();
                // A root that was sent stands on a path before itself, and makes two of one.
                whole.dedup();
                let path = (expiry.unwrap_or(i64::MAX), whole);
                if !found.2.contains(&path) {
                    found.2.push(path);
                }
            }
            if found.0.len() >= PATHS { Ok(()) } else { Err(Error::UnknownIssuer) }
        };
        let result = entity.verify_for_usage(
            self.algorithms.all,
            anchors.trust(),
            intermediates,
            moment,
            KeyUsage::server_auth(),
            None,
            Some(&each),
        );
        let result = result.map(|_| ());
        let (expiries, expired_anchor, paths) = found.into_inner();
        if expiries.is_empty() {
            return Search { result, expiries, paths, expired_anchor };
        }
        Search { result: Ok(()), expiries, paths, expired_anchor: None }
    }
}

fn dates(facts: &Certificate, now: i64) -> Validity {
    if now > facts.not_after {
        Validity::Expired(facts.not_after)
    } else if now < facts.not_before {
        Validity::NotYetValid(facts.not_before)
    } else {
        Validity::Valid
    }
}

fn is_date(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::CertExpired { .. } | Error::CertNotValidYet { .. }))
}

/// Whether only dates stand in the way of trust: what is wrong with them, and the moments to ask again for.
fn past(search: &Search, chain: &Chain) -> Option<(Validity, Vec<UnixTime>)> {
    let seconds = |time: &UnixTime| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let fault = match (&search.result, search.expired_anchor) {
        (Ok(()), _) => return None,
        (Err(_), Some(not_after)) => Validity::Expired(not_after),
        (Err(Error::CertExpired { not_after, .. }), None) => Validity::Expired(seconds(not_after)),
        (Err(Error::CertNotValidYet { not_before, .. }), None) => Validity::NotYetValid(seconds(not_before)),
        _ => return None,
    };
    let latest = chain.certificates().map(|facts| facts.not_before).max();
    let moments = chain.leaf().map(|leaf| leaf.not_before).into_iter().chain(latest);
    let moments = moments.filter_map(|moment| u64::try_from(moment.saturating_add(1)).ok());
    Some((fault, moments.map(|moment| UnixTime::since_unix_epoch(Duration::from_secs(moment))).collect()))
}

/// How long a good judgement stays one: while every date of the chain stays on its side of now.
fn lasting(chain: &Chain, verification: &Verification, now: i64) -> std::ops::Range<i64> {
    let ends = chain.certificates().flat_map(|facts| [facts.not_before, facts.not_after]);
    let ends = ends.chain(verification.path_expiry);
    let (mut from, mut until) = (now, i64::MAX);
    for end in ends {
        if end >= now {
            until = until.min(end);
        }
    }
    // The clock may be set back a little, but never before a date that lay behind us.
    if let Some(begin) = chain
        .certificates()
        .flat_map(|facts| [facts.not_before, facts.not_after])
        .filter(|end| *end < now)
        .max()
    {
        from = begin.saturating_add(1).min(now);
    }
    from..until
}

fn names(facts: &Certificate) -> NameMatch {
    let mut names = facts.dns_names.clone();
    names.extend(facts.ip_addresses.iter().map(ToString::to_string));
    if names.is_empty() { NameMatch::NoNames } else { NameMatch::Mismatch(names) }
}

fn trust(error: &Error, chain: &Chain) -> Trust {
    match error {
        Error::UnknownIssuer => match chain.leaf() {
            Some(leaf) if leaf.self_issued => Trust::SelfSigned,
            Some(leaf) if chain.links.len() == 1 && !leaf.issuer_urls.is_empty() => Trust::IncompleteChain,
            _ => Trust::UnknownIssuer,
        },
        // Self-signed and marked as an authority: the more telling of its two faults.
        Error::CaUsedAsEndEntity if chain.leaf().is_some_and(|leaf| leaf.self_issued) => Trust::SelfSigned,
        Error::CaUsedAsEndEntity => Trust::CaAsServer,
        Error::UnsupportedSignatureAlgorithmContext(_) => Trust::WeakSignature,
        Error::InvalidSignatureForPublicKey | Error::SignatureAlgorithmMismatch => Trust::BadSignature,
        Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Trust::BadSignature,
        Error::EndEntityUsedAsCa
        | Error::NameConstraintViolation
        | Error::PathLenConstraintViolated
        | Error::RequiredEkuNotFoundContext(_)
        | Error::UnsupportedCriticalExtension => Trust::Constraint,
        Error::UnsupportedCertVersion => Trust::OldVersion,
        Error::BadDer | Error::BadDerTime | Error::TrailingData(_) | Error::MalformedExtensions => {
            Trust::Unreadable
        }
        _ => Trust::Other,
    }
}

fn words(error: &Error, chain: &Chain) -> String {
    let issuer = chain.leaf().map_or("", |leaf| leaf.issuer.as_str());
    match (trust(error, chain), error) {
        (Trust::SelfSigned, _) => {
            "it is signed by itself and is not among the trusted certificates".to_owned()
        }
        (Trust::IncompleteChain, _) => {
            format!("the server sends no intermediate, and its issuer {issuer} is not trusted")
        }
        (Trust::UnknownIssuer, _) => format!("no path to a trusted certificate from its issuer {issuer}"),
        (Trust::CaAsServer, _) => "it is marked as an authority's".to_owned(),
        (Trust::WeakSignature, _) => "it is signed with an algorithm that is no longer trusted".to_owned(),
        (_, error) => format!("{error:?}"),
    }
}

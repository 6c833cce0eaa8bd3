//! Echoes on the loopback interface, and in a network namespace of their own with a router in it. What needs a
//! privilege or a tool that is not there says so and is skipped.

use std::net::IpAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;

/// Set for the copy of this test binary that runs inside the namespace: `raw` or `ping`.
const INSIDE: &str = "WIRE_TEST_ICMP_NAMESPACE";

struct Case {
    egress: Egress,
    payload_size: usize,
    ttl: Option<u8>,
    dont_fragment: bool,
    patience: Duration,
}

const CASE: Case = Case {
    egress: Egress { source: None, interface: None, mark: None },
    payload_size: DEFAULT_PAYLOAD,
    ttl: None,
    dont_fragment: false,
    patience: Duration::from_secs(2),
};

impl Case {
    async fn ping(&self, pinger: &Pinger, target: &str) -> Result<Reply, IcmpError> {
        let deadline = Instant::now() + self.patience;
        let Self { egress, payload_size, ttl, dont_fragment, .. } = self;
        let target: IpAddr = target.parse().unwrap();
        let echo = Echo {
            target,
            payload_size: *payload_size,
            ttl: *ttl,
            dont_fragment: *dont_fragment,
            egress,
            deadline,
        };
        pinger.ping(&echo).await
    }
}

/// Whether echoes can be sent here; without, the text says what is skipped.
fn able(what: &str) -> bool {
    let able = Pinger::new().check(IpAddr::from([127, 0, 0, 1]), &CASE.egress);
    if let Err(error) = &able {
        eprintln!("SKIPPED: {what}: {error}");
    }
    able.is_ok()
}

#[tokio::test]
async fn both_families_answer_with_stamp_hops_and_size() {
    if !able("echoes on the loopback interface") {
        return;
    }
    let pinger = Pinger::new();
    for target in ["127.0.0.1", "::1", "127.9.9.9"] {
        for payload_size in [0, 3, 28, 56, 1400, 9000] {
            let reply = Case { payload_size, ..CASE }.ping(&pinger, target).await.unwrap();
            assert_eq!(reply.source.to_string(), target);
            assert_eq!(
                (reply.payload_size, reply.hop_limit),
                (payload_size, Some(64)),
                "{target} {payload_size}"
            );
            assert_eq!(reply.clock, Clock::KernelReceive, "{target} {payload_size}");
            assert!(reply.rtt > Duration::ZERO && reply.rtt < Duration::from_secs(1), "{reply:?}");
        }
    }
    assert_eq!(pinger.channels.lock().unwrap().len(), 2, "a socket a family");
}

#[tokio::test]
async fn a_thousand_at_once_share_a_socket_and_each_has_its_own_reply() {
    if !able("a thousand echoes") {
        return;
    }
    let pinger = std::sync::Arc::new(Pinger::new());
    let mut pings = tokio::task::JoinSet::new();
    for index in 0..1000_u16 {
        let pinger = pinger.clone();
        pings.spawn(async move {
            let target = format!("127.1.{}.{}", index / 250, index % 250 + 1);
            (CASE.ping(&pinger, &target).await.unwrap().source.to_string(), target)
        });
        // As many probes in flight as a busy exporter has: the kernel's buffer holds some hundreds of replies.
        if index % 100 == 99 {
            while let Some(done) = pings.join_next().await {
                let (source, target) = done.unwrap();
                assert_eq!(source, target);
            }
        }
    }
    let channels = pinger.channels.lock().unwrap();
    assert_eq!(channels.len(), 1);
    assert_eq!(channels[0].waiting(), 0, "every number is free again");
}

#[tokio::test]
async fn the_table_is_bounded_and_a_payload_too() {
    if !able("more ways out than are kept") {
        return;
    }
    let pinger = Pinger::new();
    for ttl in 1..=40 {
        let case = Case { ttl: Some(ttl), ..CASE };
        assert_eq!(
            case.ping(&pinger, "127.0.0.1").await.unwrap().hop_limit,
            Some(64),
            "the answer's is its own"
        );
    }
    assert_eq!(pinger.channels.lock().unwrap().len(), CHANNELS);
    let error = Case { payload_size: 65_508, ..CASE }.ping(&pinger, "127.0.0.1").await.unwrap_err();
    assert_eq!((error.reason.word(), error.phase), ("internal", Phase::Rtt));
}

#[tokio::test]
async fn an_egress_that_is_not_there_is_named() {
    if !able("an egress") {
        return;
    }
    let pinger = Pinger::new();
    for (egress, want) in [
        (
            Egress { source: Some(IpAddr::from([192, 0, 2, 3])), ..Egress::default() },
            "no interface of this machine",
        ),
        (Egress { interface: Some("nosuch0".into()), ..Egress::default() }, "no interface of that name"),
    ] {
        let error = Case { egress, ..CASE }.ping(&pinger, "127.0.0.1").await.unwrap_err();
        assert_eq!((error.reason.word(), error.phase), ("icmp_unreachable", Phase::Setup));
        assert!(error.to_string().contains(want), "{error}");
    }
    let egress =
        Egress { source: Some(IpAddr::from([127, 0, 0, 5])), interface: Some("lo".into()), mark: None };
    Case { egress, ..CASE }.ping(&pinger, "127.0.0.1").await.unwrap();
}

/// A process that starts a second runtime, or a test that ends one, keeps its pinger.
#[test]
fn a_pinger_outlives_its_runtime() {
    if !able("two runtimes") {
        return;
    }
    let pinger = Pinger::new();
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(CASE.ping(&pinger, "127.0.0.1")).unwrap();
    }
    let error =
        futures_util::FutureExt::now_or_never(CASE.ping(&Pinger::new(), "127.0.0.1")).unwrap().unwrap_err();
    assert!(error.detail.contains("no reactor") || error.detail.contains("runtime"), "{error}");
}

/// blackbox_exporter #705: a firewall that blocked an identifier kept the target down until a restart.
#[tokio::test]
async fn a_loss_or_old_age_brings_another_identifier() {
    if !able("another identifier") {
        return;
    }
    let pinger = Pinger::new();
    CASE.ping(&pinger, "127.0.0.1").await.unwrap();
    let channel = pinger.channels.lock().unwrap()[0].clone();
    let later = |seconds| Instant::now() + Duration::from_secs(seconds);
    assert!(!channel.worn(later(11)) && channel.worn(later(601)));
    channel.saw_a_loss();
    assert!(!channel.worn(later(1)) && channel.worn(later(11)));
}

/// Runs this binary's test below in a namespace, once with ping sockets and once with raw ones.
#[test]
fn in_a_namespace_with_a_router() {
    if std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) != 0 {
        eprintln!(
            "SKIPPED: echoes through a router, and unprivileged ones: this needs root to make a network namespace"
        );
        return;
    }
    const SCRIPT: &str = r#"
        set -e
        ip link set lo up
        unshare --net sleep 60 & router=$!
        trap 'kill $router 2>/dev/null || true' EXIT
        for try in $(seq 100); do
            [ "$(readlink /proc/$router/ns/net)" != "$(readlink /proc/self/ns/net)" ] && break; sleep 0.02
        done
        at() { nsenter -t $router -n "$@"; }
        ip link add west type veth peer name east
        ip link set east netns $router
        ip addr add 192.0.2.1/24 dev west; ip -6 addr add 2001:db8::1/64 dev west nodad; ip link set west up
        at ip addr add 192.0.2.2/24 dev east; at ip -6 addr add 2001:db8::2/64 dev east nodad; at ip link set east up
        at ip link set lo up
        at sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
        at ip route add unreachable 198.51.100.0/24
        at ip route add 203.0.113.0/24 dev east
        at ip -6 route add unreachable 2001:db8:1::/64
        ip route add default via 192.0.2.2; ip -6 route add default via 2001:db8::2
        # A neighbour that does not exist: what is sent to it is lost without a word.
        ip neigh add 192.0.2.66 lladdr 02:00:00:00:00:66 dev west
        ip -6 neigh add 2001:db8::66 lladdr 02:00:00:00:00:66 dev west
        # One that is looked for in vain, but not for long.
        echo 50 > /proc/sys/net/ipv4/neigh/west/retrans_time_ms
        ip route add unreachable 198.18.0.0/24
        if [ "$MODE" = ping ]; then
            echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range
            drop="setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all"
        fi
        $drop "$PROGRAM" --exact icmp::tests::inside --ignored --nocapture --test-threads 1
    "#;
    // Somebody without privileges may not look into the folder of the test's program.
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("wire-icmp-test");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let everybody = || std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), everybody()).unwrap();
    std::fs::set_permissions(&program, everybody()).unwrap();
    for mode in ["ping", "raw"] {
        let output = Command::new("unshare")
            .args(["--net", "sh", "-c", SCRIPT])
            .env("MODE", mode)
            .env(INSIDE, mode)
            .env("PROGRAM", &program)
            .output();
        let Ok(output) = output else {
            eprintln!("SKIPPED: echoes through a router: no unshare(1)");
            return;
        };
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        if text.contains("Operation not permitted") && !text.contains("running 1 test") {
            eprintln!("SKIPPED: echoes through a router: {text}");
            return;
        }
        assert!(output.status.success() && text.contains("1 passed"), "{mode}: {text}");
    }
}

#[tokio::test]
#[ignore = "run by in_a_namespace_with_a_router"]
async fn inside() {
    let mode = std::env::var(INSIDE).unwrap();
    let pinger = Pinger::new();
    let transport = pinger.check(IpAddr::from([127, 0, 0, 1]), &CASE.egress).unwrap();
    assert_eq!(transport, if mode == "raw" { Transport::Raw } else { Transport::PingSocket });
    let short = Case { patience: Duration::from_millis(200), ..CASE };

    for target in ["127.0.0.1", "::1", "192.0.2.2", "2001:db8::2"] {
        let reply = CASE.ping(&pinger, target).await.unwrap();
        assert_eq!((reply.source.to_string().as_str(), reply.hop_limit), (target, Some(64)), "{reply:?}");
        assert_eq!((reply.clock, reply.payload_size), (Clock::KernelReceive, 28));
    }
    for target in ["192.0.2.66", "2001:db8::66"] {
        let began = Instant::now();
        let error = short.ping(&pinger, target).await.unwrap_err();
        assert_eq!((error.reason.word(), error.phase), ("icmp_timeout", Phase::Rtt), "{error}");
        assert!(began.elapsed() >= short.patience, "{:?}", began.elapsed());
        assert!(error.to_string().starts_with(&format!("ping {target}: no reply within ")), "{error}");
    }
    let hop = Case { ttl: Some(1), ..CASE };
    for (case, target, want) in [
        (&CASE, "198.51.100.7", "host unreachable, says 192.0.2.2"),
        (&CASE, "2001:db8:1::7", "no route, says 2001:db8::2"),
        (&hop, "203.0.113.7", "time to live exceeded, says 192.0.2.2"),
        (&hop, "2001:db8:1::7", "time to live exceeded, says 2001:db8::2"),
        (&CASE, "192.0.2.99", "host unreachable, says 192.0.2.1"),
        (&CASE, "198.18.0.1", "no route to host"),
    ] {
        let error = case.ping(&pinger, target).await.unwrap_err();
        // IPv6 answers an unreachable route before it looks at the hop limit.
        let same = error.detail == want || (target.contains("db8:1") && error.detail.starts_with("no route"));
        assert!(same && error.reason == IcmpReason::Unreachable, "{target}: {error}, want {want}");
    }
    // A complaint about one target is never another's, although they share a socket and its pending error.
    let (bad, good) = tokio::join!(CASE.ping(&pinger, "198.18.0.1"), CASE.ping(&pinger, "192.0.2.2"));
    assert!(bad.is_err() && good.is_ok(), "{bad:?} {good:?}");
    for _ in 0..8 {
        let (one, two, three) = tokio::join!(
            short.ping(&pinger, "198.51.100.8"),
            CASE.ping(&pinger, "192.0.2.2"),
            CASE.ping(&pinger, "127.0.0.1")
        );
        assert!(one.is_err() && two.is_ok() && three.is_ok(), "{one:?} {two:?} {three:?}");
    }

    for target in ["192.0.2.2", "2001:db8::2"] {
        let cut = Case { payload_size: 3000, ..CASE }.ping(&pinger, target).await.unwrap();
        assert_eq!(cut.payload_size, 3000);
        let error =
            Case { payload_size: 3000, dont_fragment: true, ..CASE }.ping(&pinger, target).await.unwrap_err();
        assert!(error.detail.starts_with("packet too big for the path"), "{target}: {error}");
    }

    if mode == "raw" {
        // An interface that is made anew has another index: the old socket is bound to nothing.
        let bound = || Case { egress: Egress { interface: Some("lab".into()), ..Egress::default() }, ..CASE };
        let sh = |script: &str| assert!(Command::new("sh").args(["-ec", script]).status().unwrap().success());
        let make = "ip link add lab type veth peer name lab2; ip addr add 198.18.1.1/24 dev lab; \
                    ip link set lab up; ip link set lab2 up";
        sh(make);
        let marked = Case { egress: Egress { mark: Some(7), ..bound().egress }, ..CASE };
        marked.ping(&pinger, "198.18.1.1").await.unwrap();
        bound().ping(&pinger, "198.18.1.1").await.unwrap();
        sh("ip link del lab");
        let error = bound().ping(&pinger, "198.18.1.1").await.unwrap_err();
        assert_eq!(error.reason, IcmpReason::Unreachable, "{error}");
        sh(make);
        tokio::time::sleep(SETTLED).await;
        bound().ping(&pinger, "198.18.1.1").await.unwrap();
        sh(&format!("ip link del lab; {make}"));
        tokio::time::sleep(SETTLED).await;
        bound().ping(&pinger, "198.18.1.1").await.unwrap();
    } else {
        let egress = Egress { mark: Some(7), ..Egress::default() };
        let error = Case { egress, ..CASE }.ping(&pinger, "192.0.2.2").await.unwrap_err();
        assert_eq!((error.reason.word(), error.phase), ("icmp_permission", Phase::Setup));
        let egress = Egress { interface: Some("west".into()), ..Egress::default() };
        Case { egress, ..CASE }.ping(&pinger, "192.0.2.2").await.unwrap();
    }
}

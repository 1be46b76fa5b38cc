//! Of nginx, which handles in a turn what it has read, and by timers what it has put off.

use onlooker_e2e::servers::Nginx;
use onlooker_e2e::{Spans as _, free_port, skipped};

use super::{CLIENTS, REQUESTS, assert_no_parent_is_wrong, leaf, trace_load};

/// Timers and errors make nginx call in turns in which it has read other requests. `calls_for` tells how
/// many calls the request of a path makes.
fn assert_nginx_links_nothing_wrongly(http: &str, server: &str, calls_for: impl Fn(&str) -> usize) {
    let front = Nginx::start_with(http, server, 1);
    let (spans, paths) = trace_load(front.port, &[front.pid()], 2);
    let calls: Vec<_> = spans.iter().filter(|span| span.is_client()).collect();
    for path in &paths {
        let of_it = calls.iter().filter(|call| call.path() == Some(path)).count();
        assert_eq!(of_it, calls_for(path), "{path}");
    }
    assert_eq!(calls.len(), paths.iter().map(|path| calls_for(path)).sum::<usize>());
    assert_no_parent_is_wrong(&spans);
}

#[test]
fn requests_that_nginx_delays() {
    if skipped() {
        return;
    }
    let leaf = leaf();
    assert_nginx_links_nothing_wrongly(
        "limit_req_zone $server_port zone=all:1m rate=200r/s;",
        &format!(
            "location / {{ limit_req zone=all burst=1000; proxy_pass http://127.0.0.1:{}; }}",
            leaf.port
        ),
        |_| 1,
    );
}

/// Each goes on in some turn by asking whether it may, and most turns read other requests.
#[test]
fn requests_that_nginx_delays_and_asks_for_before() {
    if skipped() {
        return;
    }
    let leaf = leaf();
    assert_nginx_links_nothing_wrongly(
        "limit_req_zone $server_port zone=all:1m rate=100r/s;",
        &format!(
            "location ~ [05]$ {{
                 limit_req zone=all burst=1000; auth_request /may; proxy_pass http://127.0.0.1:{0};
             }}
             location / {{ proxy_pass http://127.0.0.1:{0}; }}
             location = /may {{ internal; proxy_pass http://127.0.0.1:{0}$request_uri; }}",
            leaf.port
        ),
        |path| if path.ends_with(['0', '5']) { 2 } else { 1 },
    );
}

#[test]
fn a_server_that_refuses_so_that_nginx_asks_the_next() {
    if skipped() {
        return;
    }
    let leaf = leaf();
    assert_nginx_links_nothing_wrongly(
        &format!(
            "upstream back {{ server 127.0.0.1:{} max_fails=0; server 127.0.0.1:{}; }}",
            free_port(),
            leaf.port
        ),
        "location / { proxy_pass http://back; }",
        |_| 1,
    );
}

#[test]
fn what_nginx_asks_before_it_asks_for_the_answer() {
    if skipped() {
        return;
    }
    let leaf = leaf();
    let front = Nginx::start(&format!(
        "location / {{ auth_request /may; proxy_pass http://127.0.0.1:{0}; }}
         location = /may {{ internal; proxy_pass http://127.0.0.1:{0}$request_uri; }}",
        leaf.port
    ));
    let (spans, _) = trace_load(front.port, &[front.pid()], 3);
    let calls: Vec<_> = spans.iter().filter(|span| span.is_client()).collect();
    assert_eq!(calls.len(), 2 * CLIENTS * REQUESTS);
    for call in calls {
        assert_eq!(call.evidence.as_deref(), Some("segment"), "{call:#?}");
        let parent = spans.parent_of(call).expect("the request");
        assert_eq!(parent.path(), call.path());
    }
}

// SPDX-License-Identifier: BSD-2-Clause
//! async-dns-rust - find senders whose domain takes no mail, in Rust.
//!
//! Shows: the same as async_dns, with weir.rs.

mod weir;

use weir::{sys, Answer, Call, Done, NOTFOUND};

const SYMBOL_NO_MAIL: u32 = 0;

static SYMBOLS: weir::Table<[sys::weir_symbol; 2]> = weir::Table([
    sys::weir_symbol {
        name: text!("SENDER_NO_MAIL"),
        help: text!("The sender's domain has no host that takes mail."),
        score: 3.0,
    },
    sys::weir_symbol {
        name: std::ptr::null(), help: std::ptr::null(), score: 0.0,
    },
]);

/// conclude - what the last answer means; no answer is not "no": a failure
fn conclude(call: Call, domain: &[u8], status: Done) -> Done {
    match status {
        Err(NOTFOUND) => call.finding(SYMBOL_NO_MAIL, 1.0, domain),
        other => other,
    }
}

/// on_mx - without MX the domain's own address counts
fn on_mx(call: Call, domain: Vec<u8>, mx: Answer) -> Done {
    match mx.status() {
        Err(NOTFOUND) => {
            let name = domain.clone();
            call.query(&name, sys::WEIR_DNS_A as u16,
                       move |c, a| conclude(c, &domain, a.status()))
        }
        Ok(()) if mx.records().eq([b""]) => {
            conclude(call, &domain, Err(NOTFOUND)) // null MX, RFC 7505
        }
        status => conclude(call, &domain, status),
    }
}

/// mail - ask, and return at once
fn mail(call: Call) -> Done {
    let sender = call.attr(sys::WEIR_A_SENDER).unwrap_or(b"");
    let at = match sender.iter().rposition(|&c| c == b'@') {
        Some(at) => at,
        None => return Ok(()),
    };
    let domain = sender[at + 1..].to_vec();
    if domain.is_empty() || domain[0] == b'[' || domain.len() > 253 {
        return Ok(());
    }
    let name = domain.clone();
    call.query(&name, sys::WEIR_DNS_MX as u16,
               move |c, a| on_mx(c, domain, a))
}

static NEEDS: weir::Table<[*const std::os::raw::c_char; 2]> = weir::Table([
    sys::WEIR_EXT_DNS.as_ptr() as *const _, std::ptr::null(),
]);

static COLLECT: weir::Table<sys::weir_stages> =
    weir::Table(sys::weir_stages { mail: stage!(mail), ..weir::STAGES });

static MODULE: weir::Table<sys::weir_module> = weir::Table(sys::weir_module {
    id: text!("org.weir.example.async-dns-rust"),
    name: text!("async-dns-rust"),
    version: text!("1.0"),
    license: text!("BSD-2-Clause"),
    summary: text!("Finds senders whose domain takes no mail."),
    symbols: SYMBOLS.0.as_ptr(),
    needs: NEEDS.0.as_ptr(),
    collect: &COLLECT.0,
    ..weir::MODULE
});

#[no_mangle]
#[allow(non_snake_case)]
pub extern "C" fn mod_async_dns_rust_LTX_weir_entry()
    -> *const sys::weir_module {
    &MODULE.0
}

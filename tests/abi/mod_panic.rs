// SPDX-License-Identifier: GPL-2.0-or-later
//! panic - a module whose callbacks panic, for the wrapper sdk/examples/
//! async_dns_rust/weir.rs: in a stage, and in an answer.

mod weir;

use weir::{sys, Call, Done};

fn mail(call: Call) -> Done {
    let sender = call.attr(sys::WEIR_A_SENDER).unwrap_or(b"");
    if sender.starts_with(b"stage@") {
        panic!("loose in a stage");
    }
    if sender.starts_with(b"answer@") {
        return call.query(b"none.example", sys::WEIR_DNS_A as u16,
                          |_, _| panic!("loose in an answer"));
    }
    Ok(())
}

static NEEDS: weir::Table<[*const std::os::raw::c_char; 2]> = weir::Table([
    sys::WEIR_EXT_DNS.as_ptr() as *const _, std::ptr::null(),
]);

static COLLECT: weir::Table<sys::weir_stages> =
    weir::Table(sys::weir_stages { mail: stage!(mail), ..weir::STAGES });

static MODULE: weir::Table<sys::weir_module> = weir::Table(sys::weir_module {
    id: text!("org.weir.test.panic"),
    name: text!("panic"),
    version: text!("1.0"),
    license: text!("GPL-2.0-or-later"),
    summary: text!("Panics."),
    needs: NEEDS.0.as_ptr(),
    collect: &COLLECT.0,
    ..weir::MODULE
});

#[no_mangle]
#[allow(non_snake_case)]
pub extern "C" fn mod_panic_LTX_weir_entry() -> *const sys::weir_module {
    &MODULE.0
}

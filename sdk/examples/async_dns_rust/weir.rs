// SPDX-License-Identifier: BSD-2-Clause
//! weir.rs - the contract for Rust: calls as values, completions as closures.
//!
//! A small wrapper to copy and to extend.  `sys` is what bindgen makes of the
//! headers.  No panic crosses into the host: what a callback panics with is "my
//! check did not run", logged and judged by on_failure.  (A panic in the drop of
//! a panic aborts, as everywhere in Rust.)

use std::ffi::CString;
use std::marker::PhantomData;
use std::os::raw::{c_char, c_int, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

#[allow(non_camel_case_types, non_upper_case_globals, dead_code)]
pub mod sys {
    include!("weir_sys.rs");
}

static HOST: AtomicPtr<sys::weir_host> = AtomicPtr::new(null_mut());
static SELF: AtomicPtr<sys::weir_self> = AtomicPtr::new(null_mut());
static DNS: AtomicPtr<sys::weir_dns> = AtomicPtr::new(null_mut());

/// host - the table; there from create to the end of the process
fn host() -> &'static sys::weir_host {
    unsafe { &*HOST.load(Relaxed) }
}

/// slice - for the host, borrowed
fn slice(s: &[u8]) -> sys::weir_str {
    sys::weir_str { ptr: s.as_ptr() as *const c_char, len: s.len() as _ }
}

/// A negative status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure(pub c_int);
pub type Done = Result<(), Failure>;
pub const NOTFOUND: Failure = Failure(sys::WEIR_E_NOTFOUND as c_int);

/// check - what a function of the host answered
fn check(status: c_int) -> Done {
    if status < 0 { Err(Failure(status)) } else { Ok(()) }
}

/// One callback and what it started.  It can't leave the callback, nor can
/// what it lends, nor can it go to another thread.
#[derive(Clone, Copy)]
pub struct Call<'a>(*mut sys::weir_call, PhantomData<&'a ()>);

impl<'a> Call<'a> {
    /// An attribute; valid until the callback returns.
    pub fn attr(self, attr: u32) -> Option<&'a [u8]> {
        let mut s = slice(b"");
        let status = unsafe {
            host().attr_get.unwrap()(self.0, attr, sys::WEIR_RCPT_NONE, &mut s)
        };
        (status >= 0).then(|| bytes(s))
    }

    pub fn finding(self, symbol: u32, weight: f64, reason: &[u8]) -> Done {
        check(unsafe {
            host().finding.unwrap()(self.0, symbol, sys::WEIR_RCPT_NONE,
                                    weight, slice(reason))
        })
    }

    /// Ask; f gets the answer exactly once, after this has returned.
    pub fn query<F>(self, name: &[u8], kind: u16, f: F) -> Done
    where F: FnOnce(Call, Answer) -> Done + 'static {
        let name = CString::new(name)
            .map_err(|_| Failure(sys::WEIR_E_INVAL as c_int))?;
        let own: Box<OnAnswer> = Box::new(Box::new(f));
        let arg = Box::into_raw(own);
        let status = unsafe {
            (*DNS.load(Relaxed)).query.unwrap()(self.0, name.as_ptr(), kind, 0,
                                                Some(answered),
                                                arg as *mut c_void)
        };
        if status < 0 {
            drop(unsafe { Box::from_raw(arg) }); // it will not come
        }
        check(status)
    }
}

/// bytes - what the host lends
fn bytes<'a>(s: sys::weir_str) -> &'a [u8] {
    if s.len == 0 {
        return b"";
    }
    unsafe { std::slice::from_raw_parts(s.ptr as *const u8, s.len as usize) }
}

/// The answer to a question; borrowed until the closure returns.
pub struct Answer<'a>(&'a sys::weir_dns_answer);

impl<'a> Answer<'a> {
    pub fn status(&self) -> Done {
        check(self.0.status)
    }

    pub fn records(&self) -> impl Iterator<Item = &'a [u8]> {
        let a = self.0;
        (0..a.count as usize).map(move |i| unsafe {
            let rr = (a.rr as *const u8).add(i * a.stride as usize);
            bytes((*(rr as *const sys::weir_dns_rr)).data)
        })
    }
}

type OnAnswer = Box<dyn FnOnce(Call, Answer) -> Done>;

unsafe extern "C" fn answered(call: *mut sys::weir_call,
                              a: *const sys::weir_dns_answer,
                              arg: *mut c_void) {
    let f = Box::from_raw(arg as *mut OnAnswer);
    let status = guard(call, |c| f(c, Answer(&*a)));
    if status < 0 {
        // a completion can't return it
        host().fail.unwrap()(call, status, slice(b"see the log"));
    }
}

/// guard - run f; a panic becomes a status, the hook has logged it
pub fn guard<F>(call: *mut sys::weir_call, f: F) -> c_int
where F: FnOnce(Call) -> Done {
    match catch_unwind(AssertUnwindSafe(|| f(Call(call, PhantomData)))) {
        Ok(Ok(())) => sys::WEIR_OK as c_int,
        Ok(Err(failure)) => failure.0,
        Err(payload) => {
            std::mem::forget(payload); // its drop may panic, too
            sys::WEIR_E_INTERNAL as c_int
        }
    }
}

/// log - one line under the module's name
pub fn log(level: u32, line: &str) {
    unsafe {
        host().log.unwrap()(SELF.load(Relaxed), null_mut(), level as c_int,
                            slice(line.as_bytes()));
    }
}

/// create - for modules that need no more than the DNS
pub unsafe extern "C" fn create(h: *const sys::weir_host,
                                me: *mut sys::weir_self,
                                _conf: *const sys::weir_conf,
                                _state: *mut *mut c_void) -> c_int {
    HOST.store(h as *mut _, Relaxed);
    SELF.store(me, Relaxed);
    let dns = (*h).ext.unwrap()(me, sys::WEIR_EXT_DNS.as_ptr() as *const _);
    DNS.store(dns as *mut sys::weir_dns, Relaxed);
    // what would go to standard error goes to the log
    std::panic::set_hook(Box::new(|panic| {
        log(sys::WEIR_LOG_ERROR as u32, &panic.to_string());
    }));
    sys::WEIR_OK as c_int
}

/// zeroed - a table in which nothing is set: pointers are NULL
macro_rules! zeroed {
    ($t:ty) => {
        unsafe { std::mem::transmute([0u8; std::mem::size_of::<$t>()]) }
    };
}

/// Tables of pointers that never change.
#[repr(transparent)]
pub struct Table<T>(pub T);
unsafe impl<T> Sync for Table<T> {}

/// text - a constant that ends with a NUL
#[macro_export]
macro_rules! text {
    ($s:literal) => { concat!($s, "\0").as_ptr() as *const _ };
}

/// stage - a callback of the stage table that calls f(Call) -> Done
#[macro_export]
macro_rules! stage {
    ($f:path) => {{
        unsafe extern "C" fn stage(_: *mut std::os::raw::c_void,
                                   call: *mut weir::sys::weir_call)
                                   -> std::os::raw::c_int {
            weir::guard(call, $f)
        }
        Some(stage)
    }};
}

pub const STAGES: sys::weir_stages = sys::weir_stages {
    size: std::mem::size_of::<sys::weir_stages>() as u32,
    ..zeroed!(sys::weir_stages)
};

/// The head of every descriptor; the rest is 0.
pub const MODULE: sys::weir_module = sys::weir_module {
    magic: sys::WEIR_MAGIC,
    size: std::mem::size_of::<sys::weir_module>() as u32,
    abi_major: sys::WEIR_ABI_MAJOR as u16,
    abi_minor: sys::WEIR_ABI_MINOR as u16,
    abi_minor_min: sys::WEIR_ABI_MINOR as u16,
    stride_option: std::mem::size_of::<sys::weir_option>() as u16,
    stride_symbol: std::mem::size_of::<sys::weir_symbol>() as u16,
    create: Some(create),
    ..zeroed!(sys::weir_module)
};

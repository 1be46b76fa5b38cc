#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| onlooker_fuzz::dissect("proxy", input));

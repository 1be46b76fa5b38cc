//! How a program runs its handlers, as far as its executable tells.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use onlooker_pipeline::process::Handlers;

/// Section headers and bytes of section names that are looked at; linkers make some forty.
const MOST_SECTIONS: u16 = 1024;
const MOST_NAMES: u64 = 64 * 1024;

/// How a process runs its handlers: by the name of its executable, and by what is in it.
pub(super) fn handlers(pid: u32, exe: Option<&Path>) -> Handlers {
    let name = exe.and_then(|exe| exe.file_name()?.to_str());
    match name {
        // A handler runs to its end before anything else is read; a script's sleeps, and goes on in whatever turn
        // its timer is due.
        Some("nginx") if !is_scripted(&exe_and_maps(pid, exe)) => Handlers::Inline,
        Some("beam.smp") => Handlers::Scheduled,
        _ if is_go(Path::new(&format!("/proc/{pid}/exe"))) => Handlers::Scheduled,
        _ => Handlers::Unknown,
    }
}

/// What tells of an interpreter in nginx: its modules, LuaJIT, or OpenResty's folder.
const SCRIPTING: &[&str] = &[
    "openresty",
    "libluajit",
    "_lua_module.so",
    "_js_module.so",
    "ngx_http_perl_module.so",
    "mod_passenger",
];

/// Bytes of a list of mappings that are looked at; a line has about a hundred.
const MOST_MAPPINGS: u64 = 1024 * 1024;

/// The path of a process's executable, and its mapped files. Workers have the modules of the master that
/// forked them.
fn exe_and_maps(pid: u32, exe: Option<&Path>) -> String {
    let mut text = exe.map(|exe| exe.to_string_lossy().into_owned()).unwrap_or_default();
    text.push('\n');
    if let Ok(maps) = File::open(format!("/proc/{pid}/maps")) {
        let mut bytes = Vec::new();
        // What could not be read tells nothing.
        let _ = maps.take(MOST_MAPPINGS).read_to_end(&mut bytes);
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    text
}

/// Whether scripts run in an nginx.
fn is_scripted(exe_and_maps: &str) -> bool {
    SCRIPTING.iter().any(|sign| exe_and_maps.contains(sign))
}

/// Whether a program was made by Go's linker, which leaves a section that stripping keeps.
fn is_go(path: &Path) -> bool {
    let Ok(mut file) = File::open(path) else { return false };
    section_names(&mut file).is_some_and(|names| {
        let mut names = names.split(|&byte| byte == 0);
        names.any(|name| name == b".go.buildinfo" || name == b".note.go.buildid")
    })
}

/// The table of section names of a little-endian 64-bit ELF file (System V ABI, "Sections").
fn section_names(file: &mut (impl Read + Seek)) -> Option<Vec<u8>> {
    let header = read(file, 0, 64)?;
    if header.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (table, size) = (number::<8>(&header, 0x28)?, number::<2>(&header, 0x3a)?);
    let (count, names) = (number::<2>(&header, 0x3c)?, number::<2>(&header, 0x3e)?);
    if count > u64::from(MOST_SECTIONS) || names >= count || size < 64 {
        return None;
    }
    let section = read(file, table.checked_add(names * size)?, 64)?;
    let (at, length) = (number::<8>(&section, 0x18)?, number::<8>(&section, 0x20)?);
    read(file, at, length.min(MOST_NAMES))
}

fn read(file: &mut (impl Read + Seek), at: u64, length: u64) -> Option<Vec<u8>> {
    file.seek(SeekFrom::Start(at)).ok()?;
    let mut bytes = Vec::new();
    let got = file.take(length).read_to_end(&mut bytes).ok()?;
    (got as u64 == length).then_some(bytes)
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let mut wide = [0; 8];
    wide.get_mut(..N)?.copy_from_slice(bytes.get(at..at + N)?);
    Some(u64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use super::{handlers, is_scripted, section_names};
    use onlooker_pipeline::process::Handlers;

    /// An ELF header, the header of the one section, and its bytes.
    fn elf(names: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0_u8; 128];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[0x28] = 64;
        bytes[0x3a] = 64;
        bytes[0x3c] = 1;
        bytes[64 + 0x18] = 128;
        bytes[64 + 0x20] = names.len() as u8;
        bytes.extend(names);
        bytes
    }

    #[test]
    fn names_of_sections_are_read_and_damage_is_none() {
        let names = b"\0.text\0.go.buildinfo\0";
        let whole = elf(names);
        assert_eq!(section_names(&mut Cursor::new(&whole)).as_deref(), Some(&names[..]));
        for length in 0..128 {
            assert_eq!(section_names(&mut Cursor::new(&whole[..length])), None, "{length}");
        }
        let mut far = whole;
        far[0x28..0x30].fill(0xff);
        assert_eq!(section_names(&mut Cursor::new(&far)), None);
    }

    #[test]
    fn a_test_program_in_rust_is_nothing_special() {
        assert_eq!(handlers(std::process::id(), None), Handlers::Unknown);
        assert_eq!(handlers(1, Some(Path::new("/usr/sbin/nginx"))), Handlers::Inline);
        let openresty = "/usr/local/openresty/nginx/sbin/nginx";
        assert_eq!(handlers(1, Some(Path::new(openresty))), Handlers::Unknown);
    }

    #[test]
    fn an_nginx_with_scripts_is_known_by_what_it_has_mapped() {
        let with = |file: &str| format!("/usr/sbin/nginx\n7f0 r-xp 0 fd:00 77   /usr/lib/{file}\n");
        assert!(is_scripted(&with("nginx/modules/ngx_http_lua_module.so")));
        assert!(is_scripted(&with("nginx/modules/ngx_http_js_module.so")));
        assert!(is_scripted(&with("x86_64-linux-gnu/libluajit-5.1.so.2.1.0")));
        assert!(!is_scripted(&with("nginx/modules/ngx_http_geoip_module.so")));
    }
}

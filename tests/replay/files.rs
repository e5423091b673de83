//! Owns: a server of the files that the recorded session played.
//! Never knows: who asks for them.

use std::{net::SocketAddr, path::Path, sync::Arc};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// Serves until the test is over. Answers ranges, as the server of the recording did; unknown names are 404.
pub async fn serve() -> SocketAddr {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let read = |name| std::fs::read(data.join(name)).expect("the file");
    let files = Arc::new([
        ("/tone44.mp3", "audio/mpeg", read("tone44.mp3")),
        ("/tone44.ogg", "audio/ogg", read("tone44.ogg")),
        ("/tone44.flac", "audio/flac", flac(12)),
    ]);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("it listens");
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let files = files.clone();
            tokio::spawn(async move {
                // a client that hangs up has what it wants
                let _ = answer(tcp, &files[..]).await;
            });
        }
    });
    address
}

async fn answer(tcp: TcpStream, files: &[(&str, &str, Vec<u8>)]) -> std::io::Result<()> {
    let mut tcp = BufReader::new(tcp);
    let (mut head, mut line) = (String::new(), String::new());
    while tcp.read_line(&mut line).await? > 2 {
        head.push_str(&line);
        line.clear();
    }
    let path = head.split(' ').nth(1).unwrap_or_default();
    let Some((_, kind, bytes)) = files.iter().find(|(name, ..)| *name == path) else {
        let nothing = "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        return tcp.write_all(nothing.as_bytes()).await;
    };
    let range = head.lines().find_map(|l| {
        let (name, value) = l.split_once(": bytes=")?;
        let (from, to) = value.trim().split_once('-')?;
        let to = to
            .parse::<usize>()
            .map_or(bytes.len(), |last| bytes.len().min(last + 1));
        name.eq_ignore_ascii_case("range")
            .then_some((from.parse::<usize>().ok()?.min(to), to))
    });
    let (from, to) = range.unwrap_or((0, bytes.len()));
    let status = match range {
        Some(_) => format!(
            "206 Partial Content\r\nContent-Range: bytes {from}-{}/{}",
            to - 1,
            bytes.len()
        ),
        None => "200 OK".to_owned(),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nAccept-Ranges: bytes\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        to - from
    );
    tcp.write_all(head.as_bytes()).await?;
    tcp.write_all(&bytes[from..to]).await?;
    tcp.shutdown().await
}

/// A FLAC file without tags, 44.1 kHz stereo of 16 bits: constant subframes (RFC 9639, 9.2.3), so a steady level that
/// alternates with the frames.
fn flac(seconds: u32) -> Vec<u8> {
    const BLOCK: u32 = 4096;
    let samples = seconds * 44_100;
    let mut file = b"fLaC\x80\x00\x00\x22".to_vec();
    file.extend([0x10, 0, 0x10, 0]); // 4096 samples a frame
    file.extend([0; 6]); // sizes of frames: unknown
    let stream = (44_100u64 << 44) | (1 << 41) | (15 << 36) | u64::from(samples);
    file.extend(stream.to_be_bytes());
    file.extend([0; 16]); // no checksum of the sound
    for number in 0..samples.div_ceil(BLOCK) {
        let length = BLOCK.min(samples - number * BLOCK);
        let mut frame = vec![0xFF, 0xF8, 0x79, 0x18]; // length as 16 bits, 44.1 kHz, two channels, 16 bits
        let coded = char::from_u32(number).expect("few frames"); // the frame's number is coded as UTF-8
        frame.extend(coded.encode_utf8(&mut [0; 4]).bytes());
        frame.extend(((length - 1) as u16).to_be_bytes());
        frame.push(crc(&frame, 8, 0x07) as u8);
        for level in [1000i16, -1000] {
            let level = if number % 2 == 0 { level } else { level / 2 };
            frame.push(0);
            frame.extend(level.to_be_bytes());
        }
        let sum = crc(&frame, 16, 0x8005);
        frame.extend(sum.to_be_bytes());
        file.extend(frame);
    }
    file
}

/// A plain CRC: from zero, highest bit first, not inverted.
fn crc(bytes: &[u8], bits: u32, polynomial: u16) -> u16 {
    let top = 1u32 << (bits - 1);
    let sum = bytes.iter().fold(0u32, |mut sum, byte| {
        sum ^= u32::from(*byte) << (bits - 8);
        for _ in 0..8 {
            let carry = sum & top != 0;
            sum <<= 1;
            if carry {
                sum ^= u32::from(polynomial);
            }
        }
        sum & ((top << 1) - 1)
    });
    sum as u16
}

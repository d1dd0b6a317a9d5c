"""Makes whole JPEG files of the frames that cameras send.

UVC cameras may leave out the Huffman tables (they mean those of ITU-T T.81 annex K.3) and pad their frames.
"""

START = b"\xff\xd8"
END = b"\xff\xd9"
START_OF_SCAN = 0xDA
HUFFMAN_TABLES = 0xC4

# The DHT segment of T.81, tables K.3 to K.6.
STANDARD_TABLES = bytes.fromhex(
    "ffc401a20000010501010101010100000000000000000102030405060708090a0b010003010101010101010101000000"
    "0000000102030405060708090a0b100002010303020403050504040000017d0102030004110512213141061351610722"
    "7114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a"
    "535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8"
    "a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9"
    "fa1100020102040403040705040400010277000102031104052131061241510761711322328108144291a1b1c1092333"
    "52f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a63646566"
    "6768696a737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9ba"
    "c2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
)


def complete_jpeg(frame: bytes) -> bytes:
    """The frame as a file that every viewer opens. Raises ValueError when it is no JPEG."""
    if not frame.startswith(START):
        raise ValueError("the frame is no JPEG")
    end = frame.rfind(END)
    if end > 0:
        frame = frame[: end + 2]
    at = 2
    while at + 4 <= len(frame):
        if frame[at] != 0xFF:
            raise ValueError(f"the JPEG's header is broken at byte {at}")
        marker = frame[at + 1]
        if marker == HUFFMAN_TABLES:
            return frame
        if marker == START_OF_SCAN:
            return frame[:at] + STANDARD_TABLES + frame[at:]
        at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    raise ValueError("the JPEG ends within its header")

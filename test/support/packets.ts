/** What stands before the body of a packet of MariaDB's protocol: three bytes of length, one of sequence. */
export const HEADER_BYTES = 4;
/** How the body of an error begins (MariaDB: ERR_Packet). */
export const ERROR_MARK = 0xff;
const MORE_RESULTS = 0x08;

/** Whether the last packet is an error, or an OK after which no result follows (MariaDB: OK_Packet, `status`). */
export function isWholeAnswer(bytes: Buffer): boolean {
  let last: Buffer | null = null;
  let rest = bytes;
  for (let packet = nextPacket(rest); packet !== null; packet = nextPacket(rest)) {
    last = packet;
    rest = rest.subarray(packet.length);
  }
  if (last === null || rest.length > 0) return false;
  if (last[HEADER_BYTES] !== 0) return last[HEADER_BYTES] === ERROR_MARK;
  const afterRows = pastNumber(last, HEADER_BYTES + 1);
  return (last.readUInt16LE(pastNumber(last, afterRows)) & MORE_RESULTS) === 0;
}

/** Where a length-encoded number ends. */
function pastNumber(packet: Buffer, at: number): number {
  const widths: Readonly<Record<number, number>> = { 252: 3, 253: 4, 254: 9 };
  return at + (widths[packet[at] ?? 0] ?? 1);
}

/** The first whole packet: three bytes of length, one of sequence, then that many. */
export function nextPacket(bytes: Buffer): Buffer | null {
  if (bytes.length < HEADER_BYTES) return null;
  const length = HEADER_BYTES + bytes.readUIntLE(0, 3);
  return bytes.length < length ? null : bytes.subarray(0, length);
}

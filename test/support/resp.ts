/** Returns the end of the RESP value that begins at `from`, or -1 if it isn't complete yet. Commands are values as well. */
export function endOfValue(bytes: Buffer, from: number): number {
  const lineEnd = bytes.indexOf('\r\n', from, 'latin1');
  if (lineEnd === -1) return -1;
  const next = lineEnd + 2;
  const kind = String.fromCharCode(bytes[from] ?? 0);
  const size = Number(bytes.toString('latin1', from + 1, lineEnd));

  if ('$=!'.includes(kind)) {
    const end = size < 0 ? next : next + size + 2;
    return end <= bytes.length ? end : -1;
  }
  if (!'*~>%|'.includes(kind)) return next;
  // The size of a map counts pairs; an attribute is followed by its value.
  const inside = kind === '%' ? 2 * size : kind === '|' ? 2 * size + 1 : size;
  let end = next;
  for (let index = 0; index < inside && end !== -1; index += 1) end = endOfValue(bytes, end);
  return end;
}

/** Splits a stream into RESP values. The returned function takes a chunk and returns the values that are complete. */
export function createRespSplitter(): (chunk: Buffer) => Buffer[] {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const values: Buffer[] = [];
    for (let end = endOfValue(rest, 0); rest.length > 0 && end !== -1; end = endOfValue(rest, 0)) {
      values.push(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    return values;
  };
}

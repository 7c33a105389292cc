/** Where the RESP value that begins at `from` ends, or -1 where not all of it has come yet. Commands are values too. */
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
  // A map counts pairs; an attribute is followed by the value it is about.
  const inside = kind === '%' ? 2 * size : kind === '|' ? 2 * size + 1 : size;
  let end = next;
  for (let index = 0; index < inside && end !== -1; index += 1) end = endOfValue(bytes, end);
  return end;
}

/** Cuts a stream into its values: give it what came, and it gives the values that are whole by now. */
export function createCutter(): (chunk: Buffer) => Buffer[] {
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

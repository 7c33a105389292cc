/** Whether this is what Spotify calls a track or an episode of its own ("Spotify URIs and IDs"); not a local file. */
export function isUri(value: unknown): value is string {
  return typeof value === 'string' && /^spotify:(track|episode):[A-Za-z\d]{22}$/.test(value);
}

/** The kind and the id that a URI is made of. */
export function partsOf(uri: string): { kind: 'track' | 'episode'; id: string } {
  const [, kind, id = ''] = uri.split(':');
  return { kind: kind === 'episode' ? 'episode' : 'track', id };
}

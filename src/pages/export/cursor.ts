/**
 * The beginning of a file of all playlists: the page of the list, how many of its playlists to skip, and the first row of the next one.
 * `before`: a hash of the playlists before it. `snapshot`: the version of the playlist that the previous part was made from.
 */
export type ExportCursor = { page: number; skip: number; from: number; before?: string; snapshot?: string };

/** The cursor of the first part. */
export const beginning: ExportCursor = { page: 1, skip: 0, from: 0, before: '' };

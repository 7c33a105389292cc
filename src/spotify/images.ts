import { trustedUrls } from './fields.ts';
import { createDownload } from './http.ts';

/** Downloads the image at a URL; null if that fails. It never throws. */
export type DownloadImage = (url: string) => Promise<Buffer | null>;

type Deps = {
  /** Origins besides Spotify's that serve covers. */
  otherOrigins: readonly string[];
};

/** Covers of 64 pixels have about 2 kB. */
const maxBytes = 200 * 1024;
/** How long a download may take from the first to the last byte. */
const deadlineMs = 2_000;

/** Returns a client for the hosts of Spotify's covers. These downloads are no calls of the Web API, and don't count against its quota. */
export function createImageDownload({ otherOrigins }: Deps): DownloadImage {
  const trusted = trustedUrls(otherOrigins);
  const download = createDownload({ deadlineMs, maxBytes });

  return async (url) => {
    const image = trusted.image(url);
    // safeguard: covers-from-spotify-only
    return image === null ? null : download(image);
  };
}

import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import axios, { AxiosError, AxiosHeaders, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';
import { request } from 'undici';

/*
 * An adapter of axios on undici that keeps the bounds of http.ts, so that its gain can be compared with what it takes. Not part of the product.
 */
const decoders: Readonly<Record<string, () => NodeJS.ReadWriteStream>> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

export async function undiciAdapter(config: InternalAxiosRequestConfig): Promise<AxiosResponse> {
  const { signal, maxContentLength = -1, responseType, validateStatus } = config;
  const fail = (code: string, message: string) => new AxiosError(message, code, config);
  try {
    // Follows no redirects by itself.
    const { statusCode, headers, body } = await request(axios.getUri(config), {
      method: (config.method ?? 'get').toUpperCase() as 'GET',
      headers: { ...config.headers.toJSON(), 'accept-encoding': Object.keys(decoders).join(', ') } as Record<
        string,
        string
      >,
      body: config.data ?? null,
      ...(signal && { signal: signal as AbortSignal }),
    });
    const read = await readBody(decoded(body, headers['content-encoding']), maxContentLength);
    if (read === null) {
      body.destroy();
      throw fail(AxiosError.ERR_BAD_RESPONSE, `maxContentLength size of ${maxContentLength} exceeded`);
    }
    const response: AxiosResponse = {
      data: responseType === 'arraybuffer' ? read : read.toString(),
      status: statusCode,
      statusText: '',
      headers: AxiosHeaders.from(headers as Record<string, string>),
      config,
    };
    if (validateStatus && !validateStatus(statusCode))
      throw fail(AxiosError.ERR_BAD_RESPONSE, `Status ${statusCode}`);
    return response;
  } catch (error) {
    if (error instanceof AxiosError) throw error;
    if (signal?.aborted) throw new axios.CanceledError();
    throw fail((error as { code?: string }).code ?? AxiosError.ERR_NETWORK, 'No response');
  }
}

/** The body without its compression. A fault of one stream is one of the other. */
function decoded(body: Readable, encoding: string | string[] | undefined): AsyncIterable<Buffer> {
  const decoder = decoders[String(encoding)]?.();
  if (!decoder) return body;
  body.once('error', (error) => (decoder as unknown as Readable).destroy(error));
  return body.pipe(decoder) as unknown as AsyncIterable<Buffer>;
}

/** Null if the body is larger than `maxBytes`; -1 is no limit. */
async function readBody(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (maxBytes >= 0 && bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

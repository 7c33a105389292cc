import { join } from 'node:path';
import axios from 'axios';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import helmet from 'helmet';
import { Redis } from 'ioredis';

/*
 * The same packages with the plainest honest code, as an afternoon's work would have it: what Turntable is measured against. In a process
 * started with fork(), which is sent its options and replies with its port.
 */
export type FloorOptions = {
  redisUrl: string;
  /** The Web API that the page's playlists come from. */
  apiUrl: string;
  token: string;
};

process.once('message', async ({ redisUrl, apiUrl, token }: FloorOptions) => {
  const redis = new Redis(redisUrl);
  const load = async (bearer: string): Promise<object[]> => {
    const headers = { Authorization: `Bearer ${bearer}` };
    const { data } = await axios.get(`${apiUrl}/me/playlists?limit=50&offset=0`, { headers });
    return data.items.filter(Boolean);
  };
  /** From the first view on. */
  let loaded: object[] | undefined;

  const app = express();
  app.set('view engine', 'ejs');
  app.set('views', join(import.meta.dirname, 'views'));
  app.enable('view cache');
  /** C: a page of 50 playlists, for anyone. */
  app.get('/c', async (_req, res) => {
    loaded ??= await load(token);
    res.render('playlists', { playlists: loaded });
  });
  app.use(helmet());
  app.use(
    session({
      // connect-redis 10 calls the client of node-redis; these are the three commands it needs.
      store: new RedisStore({
        client: {
          get: (key: string) => redis.get(key),
          set: (key: string, value: string) => redis.set(key, value),
          expire: (key: string, seconds: number) => redis.expire(key, seconds),
          del: (keys: string[]) => redis.del(...keys),
        },
      }),
      secret: 'a secret of the benchmark',
      resave: false,
      saveUninitialized: false,
    }),
  );
  app.get('/login', (req, res) => {
    Object.assign(req.session, { token });
    res.send('signed in');
  });
  app.use((req, res, next) => {
    if ('token' in req.session) next();
    else res.redirect('/login');
  });
  /** D: the floor stack, without a call to Spotify. */
  app.get('/floor', async (_req, res) => {
    loaded ??= await load(token);
    res.render('playlists', { playlists: loaded });
  });
  /** E: the same with a plain call for each view. */
  app.get('/playlists', async (req, res) => {
    res.render('playlists', { playlists: await load((req.session as unknown as { token: string }).token) });
  });
  const server = app.listen(0, '127.0.0.1', () => process.send?.(server.address()));
});
process.once('disconnect', () => process.exit());

import * as v from '@badrap/valita';
import type { ListenerSpotify } from '../../access/listener-api.ts';
import type { CallName } from '../../access/listener-calls.ts';
import { routes } from '../../routes.ts';
import { maxOffset } from '../../spotify/limits.ts';
import type { Start } from '../../spotify/player-calls.ts';
import { hasPlaces, isDeviceId, isPlayableContext, isShowUri, isUri } from '../../spotify/uri.ts';
import { maxQueued } from '../../web/can-play.ts';
import { type ErrorPage, linkTo, Problem } from '../../web/errors.ts';
import { namesIn, textFor, unreadableFields } from '../../web/fields.ts';
import { addAllToQueue, latestEpisodes, playShuffled, savedTracksFrom } from './multi-call-commands.ts';

/*
 * The commands to the player. Their fields come from forms, as text, or from programs, as JSON. Every field is checked before Spotify is asked: a
 * command that Spotify understood in another way would do something else than what was meant.
 */

/** A command that is ready to be sent. `call`: the name of its call in the table of listener-calls.ts. */
type PlayerCommand = { call: CallName; send: (spotify: ListenerSpotify['spotify']) => Promise<void> };

/** The most tracks that can be played at once: Spotify refuses long requests (GitHub: spotify/web-api#1483). */
const maxUris = 100;
const tooManyToQueue = `At most ${maxQueued} tracks can be added to the queue at once.`;
/** A day: longer than anything that is played. */
const maxMs = 24 * 60 * 60 * 1000;

const wholeNumber = (max: number) =>
  v
    .union(
      v.number(),
      v
        .string()
        .assert((text) => /^\d{1,9}$/.test(text))
        .map(Number),
    )
    .assert((value) => Number.isSafeInteger(value) && value >= 0 && value <= max);
const trueOrFalse = v.union(
  v.boolean(),
  v.literal('true').map(() => true),
  v.literal('false').map(() => false),
);
const uri = v.string().assert(isUri);
// Forms have a single field for all of them, with spaces in between.
const uris = v
  .union(
    v.array(uri),
    v
      .string()
      .map((text) => text.split(' '))
      .assert((all): all is string[] => all.every(isUri)),
  )
  .assert(({ length }) => length > 0 && length <= maxUris);
/** A row of a list: its position, and what was there when the page was shown. */
const row = v
  .string()
  .map((text) => /^(\d{1,6}) (\S+)$/.exec(text))
  .assert((found): found is RegExpExecArray => found !== null && isUri(found[2]))
  .map(([, position, uri]) => ({ position: Number(position), uri }));
const position = wholeNumber(maxOffset).map((position) => ({ position }));
const offset = v.union(
  uri.map((one) => ({ uri: one })),
  position,
);
const playSavedFields = v.object({
  list: v.literal('saved'),
  offset: v.union(row, position).optional(),
  device: v.string().assert(isDeviceId).optional(),
  positionMs: wholeNumber(maxMs).optional(),
});
const playShowFields = v.object({
  list: v.string().assert(isShowUri),
  device: v.string().assert(isDeviceId).optional(),
});
const playShuffledFields = v.object({
  context: v.string().assert(isPlayableContext),
  shuffle: v.union(v.literal('true'), v.literal(true)),
  device: v.string().assert(isDeviceId).optional(),
});
const playFields = v
  .object({
    uri: uris.optional(),
    context: v.string().assert(isPlayableContext).optional(),
    offset: offset.optional(),
    device: v.string().assert(isDeviceId).optional(),
    positionMs: wholeNumber(maxMs).optional(),
  })
  // Only one thing can be played, and an offset is a position in it.
  // safeguard: check-field-combinations
  .assert(({ uri, context, offset }) => !(uri && context) && !(offset && !uri && !hasPlaces(context)))
  // safeguard: offset-within-uris
  .assert(({ uri, offset }) => !(uri && offset) || indexIn(uri, offset) !== null);

const playSaved = reader(
  'play',
  playSavedFields,
  async (spotify, { offset = { position: 0 }, device, positionMs }) => {
    const uris = await savedTracksFrom(spotify, offset);
    await spotify.play({ start: { uris }, deviceId: device ?? null, positionMs: positionMs ?? null });
  },
);
const playShow = reader('play', playShowFields, async (spotify, { list, device }) => {
  const uris = await latestEpisodes(spotify, list);
  await spotify.play({ start: { uris }, deviceId: device ?? null, positionMs: null });
});
const playShuffledList = reader('play', playShuffledFields, (spotify, { context, device }) =>
  playShuffled(spotify, context, device ?? null),
);
const playOther = reader('play', playFields, (spotify, { uri, context, offset, device, positionMs }) => {
  const list: Start | null = context ? { context, offset: offset ?? null } : null;
  const start = uri ? { uris: itemsFrom(uri, offset) } : list;
  return spotify.play({ start, deviceId: device ?? null, positionMs: positionMs ?? null });
});

// safeguard: ten-calls-for-the-queue
const queueFields = v.object({ uri: uris.assert(({ length }) => length <= maxQueued, tooManyToQueue) });

const seekByPosition = reader(
  'seek',
  v.object({ positionMs: wholeNumber(maxMs) }),
  (spotify, { positionMs }) => spotify.seek(positionMs),
);
/** A time as people write it: 1:30, 1.30, 1:02:03 or a number of seconds. */
const time = v
  .string()
  .map((text) => /^(?:(?:(\d{1,2})[:.])?(\d{1,3})[:.]([0-5]\d)|(\d{1,5}))$/.exec(text.trim()))
  .assert((found): found is RegExpExecArray => found !== null)
  .map(([, hours, minutes, seconds, all]) => {
    const inSeconds = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60 + Number(seconds ?? all);
    return inSeconds * 1000;
  })
  .assert((positionMs) => positionMs <= maxMs);
const seekByTime = reader('seek', v.object({ time }), (spotify, { time }) => spotify.seek(time));

const readers: Record<string, (fields: Readonly<Record<string, unknown>>) => PlayerCommand> = {
  play: (fields) => playReader(fields)(fields),
  pause: reader('pause', v.object({}), (spotify) => spotify.pause()),
  next: reader('next', v.object({}), (spotify) => spotify.next()),
  previous: reader('previous', v.object({}), (spotify) => spotify.previous()),
  device: reader('transfer', v.object({ device: v.string().assert(isDeviceId) }), (spotify, { device }) =>
    spotify.transfer(device),
  ),
  seek: (fields) => (hasField(fields, 'time') ? seekByTime : seekByPosition)(fields),
  volume: reader('setVolume', v.object({ percent: wholeNumber(100) }), (spotify, { percent }) =>
    spotify.setVolume(percent),
  ),
  shuffle: reader('setShuffle', v.object({ on: trueOrFalse }), (spotify, { on }) => spotify.setShuffle(on)),
  repeat: reader(
    'setRepeat',
    v.object({ mode: v.union(v.literal('off'), v.literal('context'), v.literal('track')) }),
    (spotify, { mode }) => spotify.setRepeat(mode),
  ),
  queue: reader('addToQueue', queueFields, (spotify, { uri }) => addAllToQueue(spotify, uri)),
};

/** Returns these tracks from an offset on. Spotify itself misunderstands one in a list with duplicates (GitHub: spotify/web-api#1324). */
function itemsFrom(
  uris: readonly string[],
  offset: { uri: string } | { position: number } | undefined,
): readonly string[] {
  if (!offset) return uris;
  // safeguard: start-at-chosen-item
  return uris.slice(indexIn(uris, offset) ?? 0);
}

/** Returns the place of an offset in these; null if it isn't one of them. */
function indexIn(uris: readonly string[], offset: { uri: string } | { position: number }): number | null {
  const index = 'uri' in offset ? uris.indexOf(offset.uri) : offset.position;
  return index < 0 || index >= uris.length ? null : index;
}

export const commandNames: readonly string[] = Object.keys(readers);

export function isCommandName(name: unknown): name is string {
  return typeof name === 'string' && Object.hasOwn(readers, name);
}

/** Returns the command of this name with these fields. Throws a {@link Problem} if a field is unknown, missing or invalid. */
export function readCommand(name: string, fields: Readonly<Record<string, unknown>>): PlayerCommand {
  const { idempotencyKey, returnTo, ...given } = fields;
  const command = readers[name]?.(given);
  if (!command) throw new Problem(invalidCommand('There is no such command.'));
  return command;
}

function reader<Fields>(
  call: CallName,
  schema: v.Type<Fields>,
  send: (spotify: ListenerSpotify['spotify'], fields: Fields) => Promise<void>,
): (fields: unknown) => PlayerCommand {
  return (fields) => {
    const result = schema.try(fields);
    // safeguard: check-command-fields
    if (!result.ok) throw new Problem(invalidCommand(textForCommand(result.issues)));
    return { call, send: (spotify) => send(spotify, result.value) };
  };
}

/** The reader for what "play" should play: a list that Spotify can't play by its name, one in random order, or something else. */
function playReader(fields: Readonly<Record<string, unknown>>) {
  if (isShowUri(fields.list)) return playShow;
  if (hasField(fields, 'shuffle')) return playShuffledList;
  return hasField(fields, 'list') ? playSaved : playOther;
}

function hasField(fields: unknown, name: string): boolean {
  return typeof fields === 'object' && fields !== null && Object.hasOwn(fields, name);
}

/** Says which fields are wrong, or what to send in place of them. */
function textForCommand(issues: v.ValitaError['issues']): string {
  const ownText = issues.find((issue) => issue.code === 'custom_error' && issue.message === tooManyToQueue);
  if (ownText) return tooManyToQueue;
  if (namesIn(issues).includes('time')) return 'Enter a time such as 1:30, or a number of seconds.';
  return textFor(issues, 'These fields can’t be combined.');
}

/** The problem of a command whose fields are wrong, with what is wrong with them. */
export function invalidCommand(text: string): ErrorPage {
  return {
    status: 400,
    reason: 'invalid-command',
    title: 'This isn’t a valid command',
    text,
    actions: [{ label: 'Now playing', href: routes.nowPlaying() }],
  };
}

export const unreadableCommand = unreadableFields(
  'Send the fields as a form or as JSON.',
  linkTo('Now playing', routes.nowPlaying),
);

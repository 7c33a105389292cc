/*
 * For --import: shifts the clock of the process by SHIFT_MS milliseconds, and by another JUMP_MS on SIGUSR2.
 */
const realNow = Date.now;
const RealDate = Date;
let shiftMs = Number(process.env.SHIFT_MS ?? 0);

globalThis.Date = class ShiftedDate extends RealDate {
  constructor(...args: [] | ConstructorParameters<DateConstructor>) {
    if (args.length === 0) super(ShiftedDate.now());
    else super(...args);
  }

  static override now(): number {
    return realNow() + shiftMs;
  }
} as DateConstructor;

process.on('SIGUSR2', () => {
  shiftMs += Number(process.env.JUMP_MS ?? 0);
  process.stdout.write('the clock has jumped\n');
});

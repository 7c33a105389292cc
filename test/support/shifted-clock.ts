/*
 * For --import: the clock of this process is wrong, by SHIFT_MS milliseconds from the start, and by JUMP_MS more from the
 * moment it is sent SIGUSR2.
 */
const rightNow = Date.now;
const RightDate = Date;
let wrongBy = Number(process.env.SHIFT_MS ?? 0);

globalThis.Date = class WrongDate extends RightDate {
  constructor(...given: [] | ConstructorParameters<DateConstructor>) {
    if (given.length === 0) super(WrongDate.now());
    else super(...given);
  }

  static override now(): number {
    return rightNow() + wrongBy;
  }
} as DateConstructor;

process.on('SIGUSR2', () => {
  wrongBy += Number(process.env.JUMP_MS ?? 0);
  process.stdout.write('the clock has jumped\n');
});

/** A safeguard taken away: the text `from` in `file` becomes `to`, and the tests in `test` must fail. */
export type Mutation = {
  what: string;
  file: string;
  from: string;
  to: string;
  /** The file, from the root of the project, without .test.ts. */
  test: string;
  /** A pattern for the titles of the tests that notice it, if the file has many slow ones. */
  named?: string | undefined;
};

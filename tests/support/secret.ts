/*
 * A marked secret in the shapes in which secrets end up in wrong places. What comes out must not contain the mark.
 */

export const MARK = 'S3cr3t9471Mark';

/** A few of the shapes, for walks over many places. */
export const FEW_SHAPES: readonly string[] = [
  `${MARK}-AAAABBBBCCCC`,
  `f${MARK}:APA91b${'x'.repeat(120)}`,
  `{"password":"${MARK}"}`,
  `mysql://baton:${MARK}@127.0.0.1:1/b1`,
];

/** Shapes that hold the mark. Each is as long as a secret of its kind, so that it is not taken for the name of a field. */
export const SECRET_SHAPES: readonly string[] = [
  `${MARK}-AAAABBBBCCCC`,
  ` ${MARK} with blanks and ümläuts `,
  `f${MARK}:APA91b${'x'.repeat(120)}`,
  `mysql://baton:${MARK}@127.0.0.1:1/b1`,
  `mysql://baton:33/${MARK}@127.0.0.1:1/b1`,
  `mysql://${MARK}%w@127.0.0.1:1/b1`,
  ` mysql://baton:${MARK}@127.0.0.1:1/b1`,
  `"mysql://baton:${MARK}@127.0.0.1:1/b1"`,
  `jdbc:mysql://baton:${MARK}@127.0.0.1:1/b1`,
  `baton:${MARK}@tcp(127.0.0.1:1)/b1`,
  `postgres://u:${MARK}@127.0.0.1/b1`,
  `https://user:${MARK}@127.0.0.1:1/`,
  `ftp://${MARK}`,
  `${MARK}://x`,
  `{"password":"${MARK}"}`,
  `{"type":"service_account","private_key":"${MARK}`,
  `{"type":"${MARK}","project_id":"${MARK}"}`,
  `"${MARK}"`,
  `'${MARK}`,
  `[${MARK}`,
  `${MARK}\n${MARK}`,
  `-----BEGIN PRIVATE KEY-----\n${MARK}\n-----END PRIVATE KEY-----`,
  `${MARK}${'y'.repeat(2000)}`,
];

/** `makeToken` makes a text that has the length and the characters of a registration token of FCM. */
export function makeToken(name: string): string {
  return `${name}:APA91b`.padEnd(142, 'x');
}

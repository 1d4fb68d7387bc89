/** `group` rounds a number and groups its digits: 1234567.8 becomes 1,234,568. */
export function group(number: number): string {
  return Math.round(number).toLocaleString('en-US');
}

import { codeOf, messageOf } from '../errors.ts';

/** What to do about an error of the Lambda API, of the SDK's search for credentials and region, or of the network. */
export function adviseOnLambda(error: unknown, action: string): string {
  const name = error instanceof Error ? error.name : '';
  if (name === 'AccessDeniedException') {
    return `allow lambda:${action} on the function to the caller: inside the function, that is its role`;
  }
  if (name === 'ResourceNotFoundException') {
    return "correct the function's name, and set AWS_REGION to its region";
  }
  if (/Credentials|UnrecognizedClient|InvalidSignature|ExpiredToken/.test(name)) {
    return 'set credentials of the AWS account, as for the aws command line (AWS_PROFILE)';
  }
  if (/^region (is missing|not accepted)/i.test(messageOf(error))) {
    return 'set AWS_REGION to the region of the function';
  }
  if (name === 'TimeoutError' || codeOf(error) !== null) {
    return "give it a route to Lambda's API: in a VPC, a NAT gateway or an interface endpoint for Lambda";
  }
  return 'see the error';
}

export function adviseToAllowLoop(name: string): string {
  return (
    'run the doctor with --fix, or `aws lambda put-function-recursion-config --recursive-loop Allow ' +
    `--function-name ${name}\``
  );
}

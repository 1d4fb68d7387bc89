#!/usr/bin/env bash
# Builds and deploys the function from this folder: image, ECR, stack, doctor. Every command is printed before it runs, and
# none contains a secret. After a failure at any step it can be run again.
set -euo pipefail
cd "$(dirname "$0")"

# A new EventBridge rule takes up to a minute to become active, and fires for the first time a minute later.
FIRST_TICK_SECONDS=120

usage() {
  cat <<'END'
./build.sh [options] [build|push|deploy|all]

  build    build the image on this machine; the default
  push     push the image to ECR; the repository is created if it does not exist
  deploy   deploy the stack of deploy/template.yaml with the image in ECR, then run the doctor inside the function
  all      build, push and deploy

  --profile P         profile of the aws command line
  --region R          default: AWS_REGION, AWS_DEFAULT_REGION or the profile's
  --name N            name of the repository; default baton
  --stage S           dev, staging or prod; default dev. The stack and the function are named N-S
  --tag T             tag of the image; default: the git commit. To roll back: `deploy` with the tag of an earlier image
  --arch A            architecture: amd64 or arm64; default amd64
  --parameters FILE   parameters of the stack, lines of Parameter=value; default: deploy/parameters.S if it exists
  --allow-dirty       accept uncommitted changes; the default tag then contains a hash of the content
  --dry-run           print every command and run none

  ENGINE                    docker, podman or buildah; default: the first one installed
  BASE_IMAGE, BASE_DIGEST   base image to use instead of the Dockerfile's, and its digest
  NPMRC                     file with the npm configuration for `npm ci` in the build; it is not part of the image
END
}

die() {
  printf 'build.sh: %s\n' "$@" >&2
  exit 1
}

say() { printf '# %s\n' "$*" >&3; }

show() {
  local words
  words=$(printf ' %q' "$@")
  printf '+%s\n' "${words// \\|/ |}" >&3
}

# Prints a command, and runs it unless this is a dry run.
run() {
  show "$@"
  [ "$dry_run" = yes ] || "$@"
}

# Prints and runs a command whose output is needed; in a dry run, the first argument stands for the output.
ask() {
  local stand_in=$1
  shift
  show "$@"
  if [ "$dry_run" = yes ]; then printf '%s\n' "$stand_in"; else "$@" 2>"$work/error"; fi
}

# After an `ask` that failed: continues if its error contains $1, which is an expected case; otherwise exits.
only_if() {
  grep -q "$1" "$work/error" || die "$(cat "$work/error")"
}

includes() { [ "$verb" = "$1" ] || [ "$verb" = all ]; }

check_options() {
  [[ $name =~ ^[a-z][a-z0-9-]{0,40}$ ]] || die "--name: expected lower-case letters, digits and -, got $name"
  [[ $stage =~ ^(dev|staging|prod)$ ]] || die "--stage: expected dev, staging or prod, got $stage"
  [[ $arch =~ ^(amd64|arm64)$ ]] || die "--arch: expected amd64 or arm64, got $arch"
  [[ $tag =~ ^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$ ]] || die "--tag: expected letters, digits, _ . and -, got $tag"
  if [ -z "$parameters" ] && [ -f "deploy/parameters.$stage" ]; then parameters=deploy/parameters.$stage; fi
  [ -z "$parameters" ] || [ -r "$parameters" ] || die "--parameters: expected a file, got $parameters"
}

# Reports every missing tool at once, before anything is changed.
check_tools() {
  local missing=()
  for each in docker podman buildah; do
    [ -n "$engine" ] || ! command -v "$each" >/dev/null || engine=$each
  done
  [[ ${engine:=docker} =~ ^(docker|podman|buildah)$ ]] || die "ENGINE: expected docker, podman or buildah, got $engine"
  if [ "$dry_run" = no ]; then
    command -v git >/dev/null || [ -n "$tag" ] || missing+=("git, to name the image's tag")
    if includes build || includes push; then
      command -v "$engine" >/dev/null || missing+=("docker, podman or buildah, to build and push the image")
    fi
    if includes push || includes deploy; then
      command -v aws >/dev/null || missing+=("aws, the AWS command line")
    fi
    if includes deploy; then
      command -v node >/dev/null || missing+=("node, to read the doctor's report")
    fi
    [ "${#missing[@]}" -eq 0 ] || die "${missing[@]/#/missing: }"
  fi
  if [ "$engine" = docker ] && { includes build || includes push; }; then
    ask '' docker info --format '{{.ServerVersion}}' >/dev/null || die 'docker does not respond: check that its daemon is running, or set ENGINE=podman or ENGINE=buildah'
  fi
  if [ "$engine" = docker ] && includes build; then
    ask '' docker buildx version >/dev/null || die 'missing: docker buildx, to build the image'
  fi
}

check_login() {
  region=${region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-}}}
  aws=(aws)
  [ -z "$profile" ] || aws+=(--profile "$profile")
  if [ -z "$region" ]; then
    region=$(ask REGION "${aws[@]}" configure get region) || die '--region: expected a region, got none'
  fi
  aws+=(--region "$region")
  account=$(ask ACCOUNT "${aws[@]}" sts get-caller-identity --query Account --output text) ||
    die "not logged in to AWS: $(tail -1 "$work/error")" \
      "log in first, for example: aws sso login${profile:+ --profile $profile}"
}

# Names the tag after the commit, and after the content too if there are uncommitted changes: the same tag always means the
# same source.
name_tag() {
  if [ -n "$tag" ] && ! includes build; then return; fi
  [ -n "$tag" ] || git rev-parse --quiet --verify HEAD >/dev/null || die '--tag: expected a tag, because there is no git commit'
  local named changes=''
  named=$(git rev-parse --short=12 HEAD)
  if [ -n "$(git status --porcelain)" ]; then
    [ "$allow_dirty" = yes ] || die 'there are changes that are not committed: commit them, or pass --allow-dirty'
    # A separate index: staged changes stay staged.
    changes=$(
      export GIT_INDEX_FILE=$work/index
      git read-tree HEAD && git add --all && git write-tree
    )
    named=$named-dirty-${changes:0:8}
  fi
  [ "$arch" = amd64 ] || named=$named-$arch
  tag=${tag:-$named}
}

build() {
  local args=(--platform "linux/$arch" --tag "$name:$tag")
  [ -z "${BASE_IMAGE:-}" ] || args+=(--build-arg "BASE_IMAGE=$BASE_IMAGE")
  [ -z "${BASE_DIGEST:-}" ] || args+=(--build-arg "BASE_DIGEST=$BASE_DIGEST")
  [ -z "${NPMRC:-}" ] || args+=(--secret "id=npmrc,src=$NPMRC")
  if [ "$engine" = docker ]; then
    # Lambda accepts a single image only; an attestation would turn it into an image index.
    run docker buildx build --load --provenance=false --sbom=false "${args[@]}" .
  else
    run "$engine" build "${args[@]}" .
  fi
}

find_repository() {
  repository=$(ask "$account.dkr.ecr.$region.amazonaws.com/$name" "${aws[@]}" ecr describe-repositories \
    --repository-names "$name" --query 'repositories[0].repositoryUri' --output text) || {
    only_if RepositoryNotFoundException
    repository=''
  }
}

# Sets the digest of the image, or an empty text if there is no such image.
find_image() {
  digest=$(ask sha256:DIGEST "${aws[@]}" ecr describe-images --repository-name "$name" \
    --image-ids "imageTag=$tag" --query 'imageDetails[0].imageDigest' --output text) || {
    only_if ImageNotFoundException
    digest=''
  }
}

push() {
  find_repository
  [ "$dry_run" = no ] || say 'only if the repository does not exist:'
  if [ -z "$repository" ] || [ "$dry_run" = yes ]; then
    repository=$(ask "$repository" "${aws[@]}" ecr create-repository --repository-name "$name" \
      --image-scanning-configuration scanOnPush=true --image-tag-mutability IMMUTABLE \
      --query repository.repositoryUri --output text) || die "$(cat "$work/error")"
  fi
  find_image
  if [ -n "$digest" ] && [ "$dry_run" = no ]; then
    say "not pushed: $name:$tag is already in ECR, where tags never change"
    return
  fi
  [ "$dry_run" = no ] || say 'only if the image is not in ECR yet:'
  log_in "${repository%%/*}"
  run "$engine" tag "$name:$tag" "$repository:$tag"
  run "$engine" push "$repository:$tag"
}

# The password goes through a pipe and is on no command line.
log_in() {
  show "${aws[@]}" ecr get-login-password '|' "$engine" login --username AWS --password-stdin "$1"
  [ "$dry_run" = yes ] || "${aws[@]}" ecr get-login-password | "$engine" login --username AWS --password-stdin "$1"
}

read_parameters() {
  overrides=()
  [ -n "$parameters" ] || return 0
  local line number=0
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    case $line in
      '' | '#'*) continue ;;
      ImageUri=* | FunctionName=* | Stage=* | Architecture=*) die "$parameters: build.sh sets ${line%%=*} itself, so remove that line" ;;
      *://*:*@* | *'PRIVATE KEY'*)
        die "$parameters: ${line%%=*} has a secret as its value: store it in Secrets Manager and write its ARN here" ;;
      [A-Z]*=*) overrides+=("$line") ;;
      # The line may be a part of a secret, so it is not printed.
      *) die "$parameters: line $number: expected Parameter=value, got something else" ;;
    esac
  done <"$parameters"
}

deploy() {
  find_repository
  [ -n "$repository" ] || die "there is no repository $name in ECR: run ./build.sh push, which creates it"
  find_image
  [ -n "$digest" ] || die "there is no image $name:$tag in ECR: run ./build.sh push first"
  remove_failed_stack
  local architecture=x86_64
  [ "$arch" = amd64 ] || architecture=arm64
  run "${aws[@]}" cloudformation deploy --stack-name "$stack" --template-file deploy/template.yaml \
    --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset --parameter-overrides \
    "ImageUri=$repository@$digest" "FunctionName=$stack" "Stage=$stage" "Architecture=$architecture" \
    ${overrides[@]+"${overrides[@]}"} || explain_failure
}

# A stack whose first deployment failed is empty, and CloudFormation refuses to deploy it again: it has to be deleted.
remove_failed_stack() {
  local status
  status=$(ask CREATE_COMPLETE "${aws[@]}" cloudformation describe-stacks --stack-name "$stack" \
    --query 'Stacks[0].StackStatus' --output text) || only_if 'does not exist'
  case $status in '' | ROLLBACK_COMPLETE) is_new=yes ;; esac
  [ "$dry_run" = no ] || say 'only if the first deployment of the stack failed:'
  if [ "$status" = ROLLBACK_COMPLETE ] || [ "$dry_run" = yes ]; then
    run "${aws[@]}" cloudformation delete-stack --stack-name "$stack"
    run "${aws[@]}" cloudformation wait stack-delete-complete --stack-name "$stack"
  fi
}

explain_failure() {
  run "${aws[@]}" cloudformation describe-stack-events --stack-name "$stack" --max-items 50 --output text --query \
    "StackEvents[?contains(ResourceStatus,'FAILED')].[Timestamp,LogicalResourceId,ResourceStatusReason]" || true
  die "the stack $stack was not deployed: see the events above, latest first"
}

# Runs the doctor inside the function, with the network, role and secrets of the deployment.
run_doctor() {
  if [ "$is_new" = yes ] || [ "$dry_run" = yes ]; then
    say 'only after the first deployment: the doctor checks that the schedule invokes the function:'
    run sleep "$FIRST_TICK_SECONDS"
  fi
  [ "$dry_run" = yes ] || printf '{"kind":"doctor"}' >"$work/event"
  run "${aws[@]}" --cli-read-timeout 310 lambda invoke --function-name "$stack" --payload "fileb://$work/event" \
    "$work/reply"
  # shellcheck disable=SC2016 # these ${…} are JavaScript
  [ "$dry_run" = yes ] || node -e '
    const text = require("node:fs").readFileSync(process.argv[1], "utf8");
    const { kind, ok, checks = [] } = JSON.parse(text);
    for (const check of checks) {
      // Null: not checked; `says` or another check has the reason.
      const mark = check.ok === null ? "-    " : check.ok ? "ok   " : "FAULT";
      console.log(`${mark} ${check.name}: ${check.says}`);
      if (check.advice) console.log(`      ${check.advice}`);
    }
    if (kind !== "doctor") console.log(`the doctor returned no report: ${text}`);
    process.exit(kind === "doctor" && ok === true ? 0 : 1);
  ' "$work/reply" || die "$stack is deployed, but the doctor found faults: see above"
}

profile='' region='' name=baton stage=dev tag='' arch=amd64 parameters='' allow_dirty=no dry_run=no verb=build
is_new=no
engine=${ENGINE:-}
while [ $# -gt 0 ]; do
  case $1 in
    --profile | --region | --name | --stage | --tag | --arch | --parameters)
      [ -n "${2:-}" ] || die "$1: expected a value, got nothing"
      printf -v "${1#--}" %s "$2"
      shift
      ;;
    --allow-dirty) allow_dirty=yes ;;
    --dry-run) dry_run=yes ;;
    --help | -h) usage && exit ;;
    build | push | deploy | all) verb=$1 ;;
    *) usage >&2 && die "expected an option or a command from the list above, got $1" ;;
  esac
  shift
done
stack=$name-$stage
exec 3>&1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

check_options
if includes deploy; then read_parameters; fi
check_tools
if includes push || includes deploy; then check_login; fi
name_tag
if includes build; then build; fi
if includes push; then push; fi
if includes deploy; then
  deploy
  run_doctor
  say "$stack runs $name:$tag"
fi

#!/usr/bin/env bash
# From this folder to a running function: image, ECR, stack, doctor. Every command is shown before it runs, and none has a
# secret on it. Safe to run again after a failure at any step.
set -euo pipefail
cd "$(dirname "$0")"

# A new rule of EventBridge takes up to a minute to begin, and then its first minute.
FIRST_TICK_SECONDS=120

usage() {
  cat <<'END'
./build.sh [options] [build|push|deploy|all]

  build    the image, on this machine; the default
  push     the image to ECR, in a repository that is made if there is none
  deploy   the stack of deploy/template.yaml with the image that is in ECR, and then the doctor, inside the function
  all      the three in turn

  --profile P         of the aws command line
  --region R          default: AWS_REGION, AWS_DEFAULT_REGION or the profile's
  --name N            of the repository; default baton
  --stage S           dev, staging or prod; default dev. The stack and the function are N-S
  --tag T             of the image; default: the git commit. With `deploy`, any that is in ECR: that is how to roll back
  --arch A            amd64 or arm64; default amd64
  --parameters FILE   lines of Parameter=value for the stack; default deploy/parameters.S if it is there
  --allow-dirty       although the tree has changes that are not committed: its content names the tag
  --dry-run           show every command and run none

  ENGINE                    docker, podman or buildah; default: the first that is there
  BASE_IMAGE, BASE_DIGEST   another base than the Dockerfile's, and its digest
  NPMRC                     a file with npm's configuration for `npm ci` in the build; it does not get into the image
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

# Shows a command and, but for a dry run, runs it.
run() {
  show "$@"
  [ "$dry_run" = yes ] || "$@"
}

# The same for one whose answer is needed; a dry run goes on with the first argument.
ask() {
  local stand_in=$1
  shift
  show "$@"
  if [ "$dry_run" = yes ]; then printf '%s\n' "$stand_in"; else "$@" 2>"$work/error"; fi
}

# After an `ask` that failed: goes on if it was for the reason named, which is no fault.
only_if() {
  grep -q "$1" "$work/error" || die "$(cat "$work/error")"
}

includes() { [ "$verb" = "$1" ] || [ "$verb" = all ]; }

check_options() {
  [[ $name =~ ^[a-z][a-z0-9-]{0,40}$ ]] || die "--name: expected lower-case letters, digits and -, came $name"
  [[ $stage =~ ^(dev|staging|prod)$ ]] || die "--stage: expected dev, staging or prod, came $stage"
  [[ $arch =~ ^(amd64|arm64)$ ]] || die "--arch: expected amd64 or arm64, came $arch"
  [[ $tag =~ ^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$ ]] || die "--tag: expected letters, digits, _ . and -, came $tag"
  if [ -z "$parameters" ] && [ -f "deploy/parameters.$stage" ]; then parameters=deploy/parameters.$stage; fi
  [ -z "$parameters" ] || [ -r "$parameters" ] || die "--parameters: expected a file, came $parameters"
}

# Everything that is missing, before anything is done.
check_tools() {
  local missing=()
  for each in docker podman buildah; do
    [ -n "$engine" ] || ! command -v "$each" >/dev/null || engine=$each
  done
  [[ ${engine:=docker} =~ ^(docker|podman|buildah)$ ]] || die "ENGINE: expected docker, podman or buildah, came $engine"
  if [ "$dry_run" = no ]; then
    command -v git >/dev/null || [ -n "$tag" ] || missing+=("git, which names the image's tag")
    if includes build || includes push; then
      command -v "$engine" >/dev/null || missing+=("docker, podman or buildah, to build and push the image")
    fi
    if includes push || includes deploy; then
      command -v aws >/dev/null || missing+=("aws, the AWS command line")
    fi
    if includes deploy; then
      command -v node >/dev/null || missing+=("node, to read what the doctor says")
    fi
    [ "${#missing[@]}" -eq 0 ] || die "${missing[@]/#/missing: }"
  fi
  if [ "$engine" = docker ] && { includes build || includes push; }; then
    ask '' docker info --format '{{.ServerVersion}}' >/dev/null || die 'docker does not answer: is its daemon running? ENGINE=podman or buildah can take its place'
  fi
  if [ "$engine" = docker ] && includes build; then
    ask '' docker buildx version >/dev/null || die 'missing: the buildx plug-in of docker'
  fi
}

check_login() {
  region=${region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-}}}
  aws=(aws)
  [ -z "$profile" ] || aws+=(--profile "$profile")
  if [ -z "$region" ]; then
    region=$(ask REGION "${aws[@]}" configure get region) || die '--region: expected a region, came none'
  fi
  aws+=(--region "$region")
  account=$(ask ACCOUNT "${aws[@]}" sts get-caller-identity --query Account --output text) ||
    die "AWS does not know you: $(tail -1 "$work/error")" \
      "log in first, for example: aws sso login${profile:+ --profile $profile}"
}

# The commit; or, of a tree with changes, its content. So a tag always stands for the same source.
name_tag() {
  if [ -n "$tag" ] && ! includes build; then return; fi
  [ -n "$tag" ] || git rev-parse --quiet --verify HEAD >/dev/null || die '--tag: expected one, since there is no git commit'
  local named changes=''
  named=$(git rev-parse --short=12 HEAD)
  if [ -n "$(git status --porcelain)" ]; then
    [ "$allow_dirty" = yes ] || die 'the tree has changes that are not committed: commit them, or --allow-dirty'
    # An index of its own, so that what is staged stays as it is.
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
    # Lambda takes one image, and not the index that an attestation makes of it.
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

# Its digest, or nothing if there is no such image.
find_image() {
  digest=$(ask sha256:DIGEST "${aws[@]}" ecr describe-images --repository-name "$name" \
    --image-ids "imageTag=$tag" --query 'imageDetails[0].imageDigest' --output text) || {
    only_if ImageNotFoundException
    digest=''
  }
}

push() {
  find_repository
  [ "$dry_run" = no ] || say 'only if there is no repository yet:'
  if [ -z "$repository" ] || [ "$dry_run" = yes ]; then
    repository=$(ask "$repository" "${aws[@]}" ecr create-repository --repository-name "$name" \
      --image-scanning-configuration scanOnPush=true --image-tag-mutability IMMUTABLE \
      --query repository.repositoryUri --output text) || die "$(cat "$work/error")"
  fi
  find_image
  if [ -n "$digest" ] && [ "$dry_run" = no ]; then
    say "$name:$tag is in ECR already and never changes there: not pushed again"
    return
  fi
  [ "$dry_run" = no ] || say 'only if that image is not there yet:'
  log_in "${repository%%/*}"
  run "$engine" tag "$name:$tag" "$repository:$tag"
  run "$engine" push "$repository:$tag"
}

# The password goes from one command to the other and is on no command line.
log_in() {
  show "${aws[@]}" ecr get-login-password '|' "$engine" login --username AWS --password-stdin "$1"
  [ "$dry_run" = yes ] || "${aws[@]}" ecr get-login-password | "$engine" login --username AWS --password-stdin "$1"
}

read_parameters() {
  overrides=()
  [ -n "$parameters" ] || return 0
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      '' | '#'*) continue ;;
      ImageUri=* | FunctionName=* | Stage=* | Architecture=*) die "$parameters: build.sh itself sets ${line%%=*}" ;;
      *://*:*@* | *'PRIVATE KEY'*)
        die "$parameters: ${line%%=*} is a secret: keep it in Secrets Manager and give its ARN here" ;;
      [A-Z]*=*) overrides+=("$line") ;;
      *) die "$parameters: expected lines of Parameter=value, came one that begins with ${line:0:20}" ;;
    esac
  done <"$parameters"
}

deploy() {
  find_repository
  [ -n "$repository" ] || die "there is no repository $name in ECR: ./build.sh push makes it"
  find_image
  [ -n "$digest" ] || die "there is no image $name:$tag in ECR: ./build.sh push brings it there"
  remove_stillborn
  local architecture=x86_64
  [ "$arch" = amd64 ] || architecture=arm64
  run "${aws[@]}" cloudformation deploy --stack-name "$stack" --template-file deploy/template.yaml \
    --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset --parameter-overrides \
    "ImageUri=$repository@$digest" "FunctionName=$stack" "Stage=$stage" "Architecture=$architecture" \
    ${overrides[@]+"${overrides[@]}"} || tell_why
}

# A stack whose very first deployment failed has nothing in it and takes no second one.
remove_stillborn() {
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

tell_why() {
  run "${aws[@]}" cloudformation describe-stack-events --stack-name "$stack" --max-items 50 --output text --query \
    "StackEvents[?contains(ResourceStatus,'FAILED')].[Timestamp,LogicalResourceId,ResourceStatusReason]" || true
  die "the stack $stack was not deployed; the events above, the latest first, say why"
}

# Inside the function, where network, role and secrets are the real ones.
ask_doctor() {
  if [ "$is_new" = yes ] || [ "$dry_run" = yes ]; then
    say 'only after the first deployment, since the doctor wants to see that it ticks:'
    run sleep "$FIRST_TICK_SECONDS"
  fi
  [ "$dry_run" = yes ] || printf '{"kind":"doctor"}' >"$work/event"
  run "${aws[@]}" --cli-read-timeout 310 lambda invoke --function-name "$stack" --payload "fileb://$work/event" \
    "$work/reply"
  # shellcheck disable=SC2016 # these are JavaScript's own ${…}
  [ "$dry_run" = yes ] || node -e '
    const text = require("node:fs").readFileSync(process.argv[1], "utf8");
    const { kind, ok, checks = [] } = JSON.parse(text);
    for (const check of checks) {
      // Null: there was nothing to look at, or another line says why not.
      const mark = check.ok === null ? "-    " : check.ok ? "ok   " : "FAULT";
      console.log(`${mark} ${check.name}: ${check.says}`);
      if (check.advice) console.log(`      ${check.advice}`);
    }
    if (kind !== "doctor") console.log(`the doctor did not come to a result: ${text}`);
    process.exit(kind === "doctor" && ok === true ? 0 : 1);
  ' "$work/reply" || die "$stack is deployed, but not well: see above"
}

profile='' region='' name=baton stage=dev tag='' arch=amd64 parameters='' allow_dirty=no dry_run=no verb=build
is_new=no
engine=${ENGINE:-}
while [ $# -gt 0 ]; do
  case $1 in
    --profile | --region | --name | --stage | --tag | --arch | --parameters)
      [ -n "${2:-}" ] || die "$1: expected a value, came nothing"
      printf -v "${1#--}" %s "$2"
      shift
      ;;
    --allow-dirty) allow_dirty=yes ;;
    --dry-run) dry_run=yes ;;
    --help | -h) usage && exit ;;
    build | push | deploy | all) verb=$1 ;;
    *) usage >&2 && die "no such option or verb: $1" ;;
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
  ask_doctor
  say "$stack runs $name:$tag"
fi

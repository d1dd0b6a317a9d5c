// Live pictures by WebRTC (WHEP). Everything is received, nothing sent; the box is on the same network, so no STUN.

import { carried } from "/static/js/carried.js";

/** The box said no: `status` is HTTP's; `reason` tells refusals of one status apart ("code", "seats"). */
export class Refused extends Error {
  constructor(status, retryAfter = 0, reason = "") {
    super(`refused: ${status} ${reason}`);
    this.status = status;
    this.retryAfter = retryAfter;
    this.reason = reason;
  }
}

/** The reason in the body of a refusal, "" without one. */
export function reasonIn(text) {
  try {
    return JSON.parse(text).reason ?? "";
  } catch {
    return "";
  }
}

/**
 * Ask for a camera's picture and put it on `video`. Resolves when the answer is in, before the first picture.
 * The offer goes out at once, without candidates: the box learns our address from our own checks.
 */
export async function openWhep(video, { slug, signal }) {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const stream = new MediaStream();
  let ended;
  const lost = new Promise((resolve) => (ended = resolve));
  let place = null;
  let grace = 0;

  const close = () => {
    clearTimeout(grace);
    pc.close();
    ended("closed");
    if (place) fetch(place, { method: "DELETE", keepalive: true }).catch(() => {});
    place = null;
  };

  pc.ontrack = ({ track, receiver }) => {
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    if ("playoutDelayHint" in receiver) receiver.playoutDelayHint = 0;
    stream.addTrack(track);
  };
  pc.onconnectionstatechange = () => {
    clearTimeout(grace);
    if (pc.connectionState === "failed" || pc.connectionState === "closed") ended(pc.connectionState);
    if (pc.connectionState === "disconnected") grace = setTimeout(() => ended("disconnected"), 1500);
  };

  try {
    const transceiver = pc.addTransceiver("video", { direction: "recvonly" });
    pc.addTransceiver("audio", { direction: "recvonly" });
    const offer = await pc.createOffer();
    const [response] = await Promise.all([
      fetch(carried(`/whep/${slug}`), {
        method: "POST",
        headers: { "Content-Type": "application/sdp" },
        body: offer.sdp,
        cache: "no-store",
        signal,
      }),
      pc.setLocalDescription(offer),
    ]);
    if (response.status !== 201) {
      const wait = Number(response.headers.get("Retry-After")) || 0;
      throw new Refused(response.status, wait, reasonIn(await response.text()));
    }
    place = new URL(response.headers.get("Location"), response.url).href;
    const sdp = await response.text();
    signal.throwIfAborted();
    video.srcObject = stream;
    await pc.setRemoteDescription({ type: "answer", sdp });
    signal.throwIfAborted();
    return { mode: "webrtc", lost, close, frames: () => decoded(transceiver.receiver), latency: () => behind(pc) };
  } catch (error) {
    close();
    throw error;
  }
}

async function decoded(receiver) {
  for (const report of (await receiver.getStats()).values()) {
    if (report.type === "inbound-rtp") return report.framesDecoded ?? 0;
  }
  return 0;
}

/** Milliseconds from the box to the screen, as far as the browser can know: half a round trip, waiting, decoding. */
async function behind(pc) {
  let way = 0;
  let wait = null;
  for (const report of (await pc.getStats()).values()) {
    if (report.type === "candidate-pair" && report.nominated) way = (report.currentRoundTripTime ?? 0) / 2;
    if (report.type === "inbound-rtp" && report.kind === "video") {
      const seen = [report.jitterBufferDelay, report.jitterBufferEmittedCount, report.totalDecodeTime, report.framesDecoded];
      const last = pc.lastSeen ?? [0, 0, 0, 0];
      const [delay, emitted, decode, frames] = seen.map((value, index) => (value ?? 0) - last[index]);
      pc.lastSeen = seen;
      if (emitted > 0 && frames > 0) wait = delay / emitted + decode / frames;
    }
  }
  return wait === null ? null : Math.round((way + wait) * 1000);
}

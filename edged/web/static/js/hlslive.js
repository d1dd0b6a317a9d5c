// Live pictures by HLS: with hls.js where there are media sources, natively elsewhere. Loaded only when needed.

import { carried, guest } from "/static/js/carried.js";
import { Refused, reasonIn } from "/static/js/whep.js";

const LIBRARY = "/static/vendor/hls.min.js";
const NUDGE_MS = 250;
const LOW_LATENCY_CROWD = 2;
const JUMP_SECONDS = 4;
let loading = null;

function library() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = LIBRARY;
    script.onload = () => resolve(globalThis.Hls);
    script.onerror = () => {
      loading = null;
      script.remove();
      reject(new Error("hls.js did not load"));
    };
    document.head.append(script);
  });
  return loading;
}

/**
 * Playlists for a wall: a browser has six connections to a box, and blocking reloads of a few players take them all.
 * So tiles go without sound, and more than two of them without blocking reload.
 */
function thrifty(Loader, crowd) {
  const lean = (text) => {
    let kept = text.replace(/^#EXT-X-MEDIA:TYPE=AUDIO.*\n/gm, "").replace(/,AUDIO="[^"]*"/g, "");
    if (kept !== text) kept = kept.replace(/CODECS="([^"]*)"/g, (_, codecs) => `CODECS="${onlyVideo(codecs)}"`);
    return crowd > LOW_LATENCY_CROWD ? kept.replace(/CAN-BLOCK-RELOAD=YES,?/, "") : kept;
  };
  return class extends Loader {
    load(context, config, callbacks) {
      const onSuccess = (response, ...rest) => {
        if (typeof response.data === "string") response.data = lean(response.data);
        callbacks.onSuccess(response, ...rest);
      };
      super.load(context, config, { ...callbacks, onSuccess });
    }
  };
}

function onlyVideo(codecs) {
  return codecs
    .split(",")
    .filter((codec) => !/^(opus|mp4a)/i.test(codec.trim()))
    .join(",");
}

/**
 * Ask for a camera's picture by HLS and put it on `video`. Resolves when the playlist is in.
 * `crowd` is the number of players on the page; `progress` is called at each step on the way to the first picture: a slow
 * machine that is getting there is let go on.
 */
export async function openHls(video, { slug, signal, progress, lowLatency, crowd }) {
  const address = `/hls/${slug}/index.m3u8`;
  const sources = globalThis.ManagedMediaSource || globalThis.MediaSource;
  if (!sources) {
    if (video.canPlayType("application/vnd.apple.mpegurl")) return openNative(video, carried(address), signal);
    throw new Error("unsupported");
  }
  const Hls = await library();
  signal.throwIfAborted();
  progress();

  const once = { maxTimeToFirstByteMs: 8000, maxLoadTimeMs: 12_000, timeoutRetry: null, errorRetry: null };
  const twice = { ...once, errorRetry: { maxNumRetry: 2, retryDelayMs: 150, maxRetryDelayMs: 300 } };
  const quick = lowLatency && crowd <= LOW_LATENCY_CROWD;
  const hls = new Hls({
    enableWorker: false, // fragmented MP4 passes through; a worker would only need a wider content policy
    lowLatencyMode: quick,
    startFragPrefetch: true,
    testBandwidth: false,
    capLevelToPlayerSize: false,
    backBufferLength: 4,
    maxBufferLength: 8,
    liveSyncOnStallIncrease: 0,
    ...(quick ? {} : { liveSyncDurationCount: 1.5 }),
    maxLiveSyncPlaybackRate: 1, // the catching up is ours, see `nudge`
    ...(crowd > 1 ? { pLoader: thrifty(Hls.DefaultConfig.loader, crowd) } : {}),
    ...(guest ? { xhrSetup: (xhr, url) => xhr.open("GET", carried(url), true) } : {}),
    manifestLoadPolicy: { default: once },
    // hls.js gives blocking reloads less than a second; what is late is judged by the pictures, not here
    playlistLoadPolicy: { default: { ...twice, timeoutRetry: { maxNumRetry: 30, retryDelayMs: 0, maxRetryDelayMs: 0 } } },
    fragLoadPolicy: { default: twice },
  });

  let ended;
  const lost = new Promise((resolve) => (ended = resolve));
  let failed;
  let mended = false;
  const nudging = setInterval(() => nudge(hls, video), NUDGE_MS);
  const close = () => {
    clearInterval(nudging);
    hls.destroy();
    ended("closed");
  };
  hls.on(Hls.Events.ERROR, (_, data) => {
    if (!data.fatal) return;
    const status = data.response?.code ?? 0;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !mended) {
      mended = true;
      hls.recoverMediaError();
      return;
    }
    const error = status >= 400 ? new Refused(status, 0, reasonOf(data.networkDetails)) : new Error(data.details);
    failed?.(error);
    ended(error);
  });

  for (const step of ["MANIFEST_LOADED", "LEVEL_LOADED", "FRAG_LOADED", "FRAG_BUFFERED"]) hls.once(Hls.Events[step], progress);

  const stop = () => failed?.(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    await new Promise((resolve, reject) => {
      failed = reject;
      hls.on(Hls.Events.LEVEL_LOADED, resolve);
      video.srcObject = null;
      video.preload = "auto"; // a media source stays closed while nothing may be loaded
      hls.attachMedia(video);
      hls.loadSource(address);
    });
  } catch (error) {
    close();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
  return {
    mode: "hls",
    lost,
    close,
    frames: async () => video.getVideoPlaybackQuality?.().totalVideoFrames ?? video.currentTime,
    latency: async () => (hls.latency ? Math.round(hls.latency * 1000) : null),
  };
}

/** The reason that the box gave to a request of hls.js. */
function reasonOf(xhr) {
  if (!(xhr instanceof XMLHttpRequest)) return "";
  return reasonIn(xhr.response instanceof ArrayBuffer ? new TextDecoder().decode(xhr.response) : String(xhr.response ?? ""));
}

/** Play a little faster while the picture is later than it need be and enough of it is at hand; far behind, jump. */
function nudge(hls, video) {
  const target = hls.targetLatency;
  if (!target || video.paused || !video.buffered.length) return;
  const ahead = video.buffered.end(video.buffered.length - 1) - video.currentTime;
  const late = hls.latency - target;
  if (late > JUMP_SECONDS && hls.liveSyncPosition) {
    video.currentTime = hls.liveSyncPosition;
    return;
  }
  const rate = late > 0.15 && ahead > 0.25 ? (late > 1 ? 1.25 : 1.1) : 1;
  if (video.playbackRate !== rate) video.playbackRate = rate;
}

async function openNative(video, address, signal) {
  const response = await fetch(address, { cache: "no-store", signal });
  if (!response.ok) throw new Refused(response.status, 0, reasonIn(await response.text()));
  let ended;
  const lost = new Promise((resolve) => (ended = resolve));
  const onError = () => ended("error");
  video.addEventListener("error", onError);
  video.srcObject = null;
  video.src = address;
  return {
    mode: "hls",
    lost,
    close() {
      video.removeEventListener("error", onError);
      video.removeAttribute("src");
      video.load();
      ended("closed");
    },
    frames: async () => video.getVideoPlaybackQuality?.().totalVideoFrames ?? video.currentTime,
    latency: async () => null,
  };
}

/* Owns: the loops for 32-bit ARM with NEON, whose instructions stable Rust cannot name.
 * Never knows: whether this machine has them, or lengths that are no whole steps: armv7.rs does.
 *
 * Each does what the loop of its name in portable.rs or bank.rs does, with the same roundings in the same order (VMLA rounds
 * its product before it adds). What differs: NEON takes numbers below 2^-126 for zero. Pointers need no alignment.
 */

#include <arm_neon.h>
#include <stddef.h>

/* The sum of a register's lanes, in the order of `sum` in portable.rs. */
static inline float32_t folded(float32x4_t v)
{
    float32x2_t pairs = vpadd_f32(vget_low_f32(v), vget_high_f32(v));
    return vget_lane_f32(vpadd_f32(pairs, pairs), 0);
}

static inline float32x4_t limited(float32x4_t v)
{
    return vminq_f32(vmaxq_f32(v, vdupq_n_f32(-1.0f)), vdupq_n_f32(1.0f));
}

/* Two outputs of both channels; `taps` is a multiple of 8. A register pair holds eight sums of one output. */
void lavalink_neon_fir2(const float *const row[2], const float *const left[2], const float *const right[2], size_t taps,
                        float left_out[2], float right_out[2])
{
    const float *row0 = row[0], *row1 = row[1];
    const float *left0 = left[0], *left1 = left[1];
    const float *right0 = right[0], *right1 = right[1];
    float32x4_t zero = vdupq_n_f32(0.0f);
    float32x4_t l0[2] = {zero, zero}, l1[2] = {zero, zero}, r0[2] = {zero, zero}, r1[2] = {zero, zero};
    for (size_t k = 0; k < taps; k += 8) {
        for (size_t half = 0; half < 2; half++) {
            float32x4_t c = vld1q_f32(row0 + k + 4 * half);
            l0[half] = vmlaq_f32(l0[half], c, vld1q_f32(left0 + k + 4 * half));
            r0[half] = vmlaq_f32(r0[half], c, vld1q_f32(right0 + k + 4 * half));
            c = vld1q_f32(row1 + k + 4 * half);
            l1[half] = vmlaq_f32(l1[half], c, vld1q_f32(left1 + k + 4 * half));
            r1[half] = vmlaq_f32(r1[half], c, vld1q_f32(right1 + k + 4 * half));
        }
    }
    left_out[0] = folded(vaddq_f32(l0[0], l0[1]));
    left_out[1] = folded(vaddq_f32(l1[0], l1[1]));
    right_out[0] = folded(vaddq_f32(r0[0], r0[1]));
    right_out[1] = folded(vaddq_f32(r1[0], r1[1]));
}

/* Eight of the sixteen bands, 0 to 3 and 8 to 11 from `first` = 0, the others from 4: `sums[n]` becomes what they give for
 * `steps[n]`, the difference of an input and the one before the last. `n` is a multiple of 2. Arrays hold sixteen bands. */
void lavalink_neon_bands(const float *alpha, const float *beta, const float *gamma, const float *gains, float *y1, float *y2,
                         size_t first, const float *steps, float *sums, size_t n)
{
    float32x4_t a[2], b[2], c[2], g[2], last[2], before[2];
    for (size_t half = 0; half < 2; half++) {
        size_t at = first + 8 * half;
        a[half] = vld1q_f32(alpha + at);
        b[half] = vld1q_f32(beta + at);
        c[half] = vld1q_f32(gamma + at);
        g[half] = vld1q_f32(gains + at);
        last[half] = vld1q_f32(y1 + at);
        before[half] = vld1q_f32(y2 + at);
    }
    for (size_t i = 0; i < n; i += 2) {
        float32x4_t step = vld1q_dup_f32(steps + i);
        /* The output but one is not needed any more, so the new one takes its place. */
        for (size_t half = 0; half < 2; half++)
            before[half] = vmlsq_f32(vmlaq_f32(vmulq_f32(a[half], step), c[half], last[half]), b[half], before[half]);
        float32x4_t p = vmlaq_f32(vmulq_f32(g[0], before[0]), g[1], before[1]);
        step = vld1q_dup_f32(steps + i + 1);
        for (size_t half = 0; half < 2; half++)
            last[half] = vmlsq_f32(vmlaq_f32(vmulq_f32(a[half], step), c[half], before[half]), b[half], last[half]);
        float32x4_t q = vmlaq_f32(vmulq_f32(g[0], last[0]), g[1], last[1]);
        vst1_f32(sums + i, vpadd_f32(vpadd_f32(vget_low_f32(p), vget_high_f32(p)),
                                     vpadd_f32(vget_low_f32(q), vget_high_f32(q))));
    }
    for (size_t half = 0; half < 2; half++) {
        vst1q_f32(y1 + first + 8 * half, last[half]);
        vst1q_f32(y2 + first + 8 * half, before[half]);
    }
}

static inline void added(float *sums, float32x4_t made)
{
    vst1q_f32(sums, vaddq_f32(vld1q_f32(sums), made));
}

/* Four wanted samples, times the places of a register and the next: made0 takes what stands at the first of them. */
#define FOUR(made0, made1, made2, made3, x, here, next)                            \
    made0 = vmlaq_lane_f32(made0, here, vget_low_f32(x), 0);                       \
    made1 = vmlaq_lane_f32(made1, vextq_f32(here, next, 1), vget_low_f32(x), 1);   \
    made2 = vmlaq_lane_f32(made2, vextq_f32(here, next, 2), vget_high_f32(x), 0);  \
    made3 = vmlaq_lane_f32(made3, vextq_f32(here, next, 3), vget_high_f32(x), 1)

/* `sums[k] += wanted · area[k..]` for 16 places; `area` holds `room` samples, `len` + 15 at least. */
void lavalink_neon_lags16(const float *wanted, size_t len, const float *area, size_t room, float *sums)
{
    float32x4_t s0 = vdupq_n_f32(0.0f), s1 = s0, s2 = s0, s3 = s0;
    size_t n = 0;
    for (; n + 4 <= len && n + 20 <= room; n += 4) {
        float32x4_t x = vld1q_f32(wanted + n);
        float32x4_t a0 = vld1q_f32(area + n), a1 = vld1q_f32(area + n + 4), a2 = vld1q_f32(area + n + 8);
        float32x4_t a3 = vld1q_f32(area + n + 12), a4 = vld1q_f32(area + n + 16);
        FOUR(s0, s0, s0, s0, x, a0, a1);
        FOUR(s1, s1, s1, s1, x, a1, a2);
        FOUR(s2, s2, s2, s2, x, a2, a3);
        FOUR(s3, s3, s3, s3, x, a3, a4);
    }
    for (; n < len; n++) {
        float32x4_t x = vld1q_dup_f32(wanted + n);
        s0 = vmlaq_f32(s0, x, vld1q_f32(area + n));
        s1 = vmlaq_f32(s1, x, vld1q_f32(area + n + 4));
        s2 = vmlaq_f32(s2, x, vld1q_f32(area + n + 8));
        s3 = vmlaq_f32(s3, x, vld1q_f32(area + n + 12));
    }
    added(sums, s0);
    added(sums + 4, s1);
    added(sums + 8, s2);
    added(sums + 12, s3);
}

/* The same for 4 places; `area` holds `len` + 3 samples at least. Four sums are taken in turn. */
void lavalink_neon_lags4(const float *wanted, size_t len, const float *area, size_t room, float *sums)
{
    float32x4_t s0 = vdupq_n_f32(0.0f), s1 = s0, s2 = s0, s3 = s0;
    size_t n = 0;
    for (; n + 4 <= len && n + 8 <= room; n += 4) {
        float32x4_t x = vld1q_f32(wanted + n);
        float32x4_t a0 = vld1q_f32(area + n), a1 = vld1q_f32(area + n + 4);
        FOUR(s0, s1, s2, s3, x, a0, a1);
    }
    for (; n < len; n++)
        s0 = vmlaq_f32(s0, vld1q_dup_f32(wanted + n), vld1q_f32(area + n));
    added(sums, vaddq_f32(vaddq_f32(s0, s1), vaddq_f32(s2, s3)));
}

/* From here on `n` is a multiple of 8. */

void lavalink_neon_gain(float *samples, size_t n, float gain)
{
    float32x4_t g = vdupq_n_f32(gain);
    for (size_t i = 0; i < n; i += 8) {
        float32x4_t x = vmulq_f32(vld1q_f32(samples + i), g);
        float32x4_t y = vmulq_f32(vld1q_f32(samples + i + 4), g);
        vst1q_f32(samples + i, limited(x));
        vst1q_f32(samples + i + 4, limited(y));
    }
}

void lavalink_neon_ramp(float *samples, size_t n, float from, float to, float first, float step)
{
    static const float count[4] = {0.0f, 1.0f, 2.0f, 3.0f};
    float32x4_t at = vaddq_f32(vld1q_f32(count), vdupq_n_f32(first));
    float32x4_t steps = vdupq_n_f32(step), four = vdupq_n_f32(4.0f), one = vdupq_n_f32(1.0f);
    float32x4_t begin = vdupq_n_f32(from), end = vdupq_n_f32(to);
    for (size_t i = 0; i < n; i += 4) {
        float32x4_t way = vmulq_f32(at, steps);
        float32x4_t gain = vmlaq_f32(vmulq_f32(begin, vsubq_f32(one, way)), end, way);
        vst1q_f32(samples + i, limited(vmulq_f32(vld1q_f32(samples + i), gain)));
        at = vaddq_f32(at, four);
    }
}

void lavalink_neon_matrix(float *left, float *right, size_t n, const float m[4])
{
    float32x4_t ll = vdupq_n_f32(m[0]), rl = vdupq_n_f32(m[1]), lr = vdupq_n_f32(m[2]), rr = vdupq_n_f32(m[3]);
    for (size_t i = 0; i < n; i += 4) {
        float32x4_t x = vld1q_f32(left + i), y = vld1q_f32(right + i);
        vst1q_f32(left + i, limited(vmlaq_f32(vmulq_f32(x, ll), y, rl)));
        vst1q_f32(right + i, limited(vmlaq_f32(vmulq_f32(x, lr), y, rr)));
    }
}

void lavalink_neon_mix(float *into, const float *from, size_t n, float gain)
{
    float32x4_t g = vdupq_n_f32(gain);
    for (size_t i = 0; i < n; i += 8) {
        vst1q_f32(into + i, vmlaq_f32(vld1q_f32(into + i), vld1q_f32(from + i), g));
        vst1q_f32(into + i + 4, vmlaq_f32(vld1q_f32(into + i + 4), vld1q_f32(from + i + 4), g));
    }
}

void lavalink_neon_interleave(const float *left, const float *right, float *to, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        float32x4x2_t pairs = {{vld1q_f32(left + i), vld1q_f32(right + i)}};
        vst2q_f32(to + 2 * i, pairs);
    }
}

void lavalink_neon_to_i16(const float *from, int16_t *to, size_t n)
{
    float32x4_t scale = vdupq_n_f32(32768.0f), rounder = vdupq_n_f32(12582912.0f);
    float32x4_t low = vdupq_n_f32(-32768.0f), high = vdupq_n_f32(32767.0f);
    for (size_t i = 0; i < n; i += 4) {
        float32x4_t x = vmulq_f32(vld1q_f32(from + i), scale);
        x = vaddq_f32(vminq_f32(vmaxq_f32(x, low), high), rounder);
        /* What is no number has become the one whose last 16 bits are zero. */
        vst1_s16(to + i, vmovn_s32(vreinterpretq_s32_f32(x)));
    }
}

void lavalink_neon_to_i32(const float *from, int32_t *to, size_t n)
{
    float32x4_t scale = vdupq_n_f32(2147483648.0f);
    for (size_t i = 0; i < n; i += 8) {
        vst1q_s32(to + i, vcvtq_s32_f32(vmulq_f32(vld1q_f32(from + i), scale)));
        vst1q_s32(to + i + 4, vcvtq_s32_f32(vmulq_f32(vld1q_f32(from + i + 4), scale)));
    }
}

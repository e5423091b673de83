/* Owns: the loops for 32-bit ARM with NEON, whose instructions stable Rust cannot name.
 * Never knows: whether this machine has them, or lengths that are no whole steps: armv7.rs does.
 *
 * Each does what the loop of its name in portable.rs or bank.rs does, with the same roundings in the same order (VMLA rounds
 * its product before it adds). What differs: NEON takes numbers below 2^-126 for zero. Pointers need no alignment.
 */

#include <arm_neon.h>
#include <stddef.h>

/* The sum of a register's lanes. */
static inline float32_t folded(float32x4_t v)
{
    float32x2_t pairs = vpadd_f32(vget_low_f32(v), vget_high_f32(v));
    return vget_lane_f32(vpadd_f32(pairs, pairs), 0);
}

static inline float32x4_t limited(float32x4_t v)
{
    return vminq_f32(vmaxq_f32(v, vdupq_n_f32(-1.0f)), vdupq_n_f32(1.0f));
}

/* Two outputs of both channels; `taps` is a multiple of 4. For four outputs there are not enough registers for addresses. */
void lavalink_neon_fir2(const float *const row[2], const float *const left[2], const float *const right[2], size_t taps,
                        float left_out[2], float right_out[2])
{
    const float *row0 = row[0], *left0 = left[0], *right0 = right[0];
    const float *row1 = row[1], *left1 = left[1], *right1 = right[1];
    float32x4_t l0 = vdupq_n_f32(0.0f), l1 = l0, r0 = l0, r1 = l0;
    for (; taps > 0; taps -= 4) {
        float32x4_t c0 = vld1q_f32(row0), c1 = vld1q_f32(row1);
        l0 = vmlaq_f32(l0, c0, vld1q_f32(left0));
        l1 = vmlaq_f32(l1, c1, vld1q_f32(left1));
        r0 = vmlaq_f32(r0, c0, vld1q_f32(right0));
        r1 = vmlaq_f32(r1, c1, vld1q_f32(right1));
        row0 += 4, left0 += 4, right0 += 4;
        row1 += 4, left1 += 4, right1 += 4;
    }
    left_out[0] = folded(l0);
    left_out[1] = folded(l1);
    right_out[0] = folded(r0);
    right_out[1] = folded(r1);
}

/* As in bank.rs. */
struct bank {
    float alpha[16], beta[16], gamma[16], gains[16];
};
struct history {
    float x1, x2, y1[16], y2[16];
};

/* Bands 0 to 3 and 8 to 11 from `first` = 0, the others from 4: `sums[n]` becomes what they give for `steps[n]`, the difference
 * of an input and the one before the last. `n` is a multiple of 2. */
static void eight_bands(const struct bank *bank, struct history *past, size_t first, const float *steps, float *sums, size_t n)
{
    size_t second = first + 8;
    float32x4_t a0 = vld1q_f32(bank->alpha + first), a1 = vld1q_f32(bank->alpha + second);
    float32x4_t b0 = vld1q_f32(bank->beta + first), b1 = vld1q_f32(bank->beta + second);
    float32x4_t c0 = vld1q_f32(bank->gamma + first), c1 = vld1q_f32(bank->gamma + second);
    float32x4_t g0 = vld1q_f32(bank->gains + first), g1 = vld1q_f32(bank->gains + second);
    float32x4_t y0 = vld1q_f32(past->y1 + first), y1 = vld1q_f32(past->y1 + second);
    float32x4_t z0 = vld1q_f32(past->y2 + first), z1 = vld1q_f32(past->y2 + second);
    for (size_t i = 0; i < n; i += 2) {
        float32x4_t step = vld1q_dup_f32(steps + i);
        /* Nobody needs the output but one any more, so the new one takes its name; then they have changed places. */
        z0 = vmlsq_f32(vmlaq_f32(vmulq_f32(a0, step), c0, y0), b0, z0);
        z1 = vmlsq_f32(vmlaq_f32(vmulq_f32(a1, step), c1, y1), b1, z1);
        float32x4_t p = vmlaq_f32(vmulq_f32(g0, z0), g1, z1);
        step = vld1q_dup_f32(steps + i + 1);
        y0 = vmlsq_f32(vmlaq_f32(vmulq_f32(a0, step), c0, z0), b0, y0);
        y1 = vmlsq_f32(vmlaq_f32(vmulq_f32(a1, step), c1, z1), b1, y1);
        float32x4_t q = vmlaq_f32(vmulq_f32(g0, y0), g1, y1);
        vst1_f32(sums + i, vpadd_f32(vpadd_f32(vget_low_f32(p), vget_high_f32(p)),
                                     vpadd_f32(vget_low_f32(q), vget_high_f32(q))));
    }
    vst1q_f32(past->y1 + first, y0);
    vst1q_f32(past->y1 + second, y1);
    vst1q_f32(past->y2 + first, z0);
    vst1q_f32(past->y2 + second, z1);
}

/* Samples that are kept beside the bands: half a kilobyte of the nearest cache. */
#define BLOCK 64

/* Adds the bands to one channel; `n` is a multiple of 4. Sixteen bands do not fit into the registers, eight do. */
void lavalink_neon_bands(const struct bank *bank, struct history *past, float *samples, size_t n)
{
    float steps[BLOCK], low[BLOCK], high[BLOCK];
    while (n > 0) {
        size_t len = n < BLOCK ? n : BLOCK;
        const float before[4] = {past->x2, past->x1, samples[0], samples[1]};
        vst1q_f32(steps, vsubq_f32(vld1q_f32(samples), vld1q_f32(before)));
        for (size_t i = 4; i < len; i += 4)
            vst1q_f32(steps + i, vsubq_f32(vld1q_f32(samples + i), vld1q_f32(samples + i - 2)));
        past->x2 = samples[len - 2];
        past->x1 = samples[len - 1];
        eight_bands(bank, past, 0, steps, low, len);
        eight_bands(bank, past, 4, steps, high, len);
        for (size_t i = 0; i < len; i += 4) {
            float32x4_t bands = vaddq_f32(vld1q_f32(low + i), vld1q_f32(high + i));
            vst1q_f32(samples + i, limited(vaddq_f32(vld1q_f32(samples + i), bands)));
        }
        samples += len;
        n -= len;
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

/* `sums[k] += wanted · area[k..]` for 8 places; `area` holds `room` samples, `len` + 7 at least. Four sums are taken in turn,
 * so that none waits for its last addition. */
void lavalink_neon_lags8(const float *wanted, size_t len, const float *area, size_t room, float *sums)
{
    float32x4_t s0 = vdupq_n_f32(0.0f), s1 = s0, s2 = s0, s3 = s0, t0 = s0, t1 = s0, t2 = s0, t3 = s0;
    size_t n = 0;
    for (; n + 4 <= len && n + 12 <= room; n += 4) {
        float32x4_t x = vld1q_f32(wanted + n);
        float32x4_t a0 = vld1q_f32(area + n), a1 = vld1q_f32(area + n + 4), a2 = vld1q_f32(area + n + 8);
        FOUR(s0, s1, s2, s3, x, a0, a1);
        FOUR(t0, t1, t2, t3, x, a1, a2);
    }
    for (; n < len; n++) {
        float32x4_t x = vld1q_dup_f32(wanted + n);
        s0 = vmlaq_f32(s0, x, vld1q_f32(area + n));
        t0 = vmlaq_f32(t0, x, vld1q_f32(area + n + 4));
    }
    added(sums, vaddq_f32(vaddq_f32(s0, s1), vaddq_f32(s2, s3)));
    added(sums + 4, vaddq_f32(vaddq_f32(t0, t1), vaddq_f32(t2, t3)));
}

/* From here on `n` is a multiple of 8. */

void lavalink_neon_limit(float *samples, size_t n, float bound)
{
    float32x4_t low = vdupq_n_f32(-bound), high = vdupq_n_f32(bound);
    for (size_t i = 0; i < n; i += 8) {
        float32x4_t x = vld1q_f32(samples + i), y = vld1q_f32(samples + i + 4);
        /* What is no number does not equal itself. */
        uint32x4_t x_counts = vceqq_f32(x, x), y_counts = vceqq_f32(y, y);
        x = vminq_f32(vmaxq_f32(x, low), high);
        y = vminq_f32(vmaxq_f32(y, low), high);
        vst1q_f32(samples + i, vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x), x_counts)));
        vst1q_f32(samples + i + 4, vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(y), y_counts)));
    }
}

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

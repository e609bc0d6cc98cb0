//! Histograms of many numbers.

use super::proto::HistogramProto;

/// How many buckets a histogram has.
const BUCKETS: usize = 30;

/// The histogram of finite numbers in buckets of equal width.
pub(super) fn histogram(numbers: &[f64]) -> HistogramProto {
    let finite = || numbers.iter().copied().filter(|x| x.is_finite());
    let (min, max) =
        finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if min > max {
        return HistogramProto::default();
    }
    let width = (max - min) / BUCKETS as f64;
    // Numbers that are all one have a bucket for themselves.
    let limits: Vec<f64> = match width > 0.0 {
        true => (1..=BUCKETS).map(|i| if i == BUCKETS { max } else { min + width * i as f64 }).collect(),
        false => vec![max],
    };
    let mut bucket = vec![0.0; limits.len()];
    for x in finite() {
        let place = limits.partition_point(|limit| *limit < x);
        bucket[place.min(limits.len() - 1)] += 1.0;
    }
    HistogramProto {
        min,
        max,
        num: finite().count() as f64,
        sum: finite().sum(),
        sum_squares: finite().map(|x| x * x).sum(),
        bucket_limit: limits,
        bucket,
    }
}

#[cfg(test)]
mod tests {
    use super::histogram;

    #[test]
    fn each_finite_number_is_in_one_bucket() {
        let numbers: Vec<f64> =
            (0..301).map(|i| f64::from(i) / 100.0 - 1.0).chain([f64::NAN, f64::INFINITY]).collect();
        let it = histogram(&numbers);
        assert_eq!((it.min, it.max, it.num), (-1.0, 2.0, 301.0));
        assert_eq!(it.bucket.iter().sum::<f64>(), 301.0);
        assert!(it.bucket.iter().all(|count| (10.0..=11.0).contains(count)), "{:?}", it.bucket);
        assert!(it.bucket_limit.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn numbers_that_are_one_and_none_at_all() {
        assert_eq!(histogram(&[3.0; 5]).bucket, [5.0]);
        assert_eq!(histogram(&[f64::NAN]).num, 0.0);
    }
}

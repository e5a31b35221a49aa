#!/bin/sh
# usage: examples.sh FOLDER_OF_EXAMPLES
# Runs every example with its options, and holds what it prints, writes and returns against what the
# README and --help promise. Takes a minute or so.
set -u
export LC_ALL=C
bin=$(cd "$1" && pwd)
work=$(mktemp -d)
cd "$work" || exit 1
trap 'cd /; rm -rf "$work"' EXIT
unset CNN_DATA
failures=0
checks=0

fail() {
  failures=$((failures + 1))
  echo "FAILED: $*"
  sed 's/^/  out: /' out | tail -n 5
  sed 's/^/  err: /' err | tail -n 5
}

# expect STATUS PROGRAM ARGUMENT...: leaves what was printed in out and err.
expect() {
  wanted=$1
  program=$2
  shift 2
  checks=$((checks + 1))
  "$bin/$program" "$@" > out 2> err
  got=$?
  [ $got -eq "$wanted" ] || fail "$program $*: status $got, not $wanted"
}

# Failures say so in one line on stderr, and print nothing else.
one_line() {
  [ "$(wc -l < err)" -eq 1 ] && grep -q "^$1: " err || fail "$1: not one line on stderr"
}
refuse() {
  expect 2 "$@"
  one_line "$1"
  [ ! -s out ] || fail "$1: prints beside its refusal"
}
says() { grep -q -- "$1" "${2:-err}" || fail "'$1' is missing"; }
same() { cmp -s "$1" "$2" || fail "$1 and $2 differ"; }
ends_with_accuracy() {
  tail -n 1 out | grep -Eq '^Test Accuracy: [01]\.[0-9]{4}$' || fail "the last line is no accuracy"
}
drawn() {
  [ -z "$pictures" ] || [ "$(head -c 4 "$1" | tr -d '\211')" = PNG ] || fail "$1 is no picture"
}

expect 0 cifar10_augment --synthetic --output augmented.png
pictures=yes
grep -q 'built without libcnn-plot' out && pictures=
drawn augmented.png

# ---- bad usage
refuse cifar10_train --nonsense
refuse cifar10_train --epoch 3
refuse cifar10_train --epochs
refuse cifar10_train --epochs 0
refuse cifar10_train --epochs -1
refuse cifar10_train --epochs 3x
refuse cifar10_train --epochs=
refuse cifar10_train --epochs 99999999999999999999
refuse cifar10_train --batch-size 1.5
refuse cifar10_train --seed -1
refuse cifar10_train --lr 0
refuse cifar10_train --lr nan
refuse cifar10_train --optimizer nonsense
refuse cifar10_train --quiet=yes
refuse cifar10_train --synthetic --data .
refuse cifar10_train operand
refuse cifar10_predict
refuse cifar10_predict model
refuse cifar10_evaluate
refuse cifar10_evaluate one two
refuse cifar10_augment operand
refuse train_folder
refuse mnist_train --epochs none
if [ -n "$pictures" ]; then
  refuse cifar10_train --plot curves.gif
  says '\.png, \.svg and \.pdf'
fi
expect 2 embed
for program in cifar10_train cifar10_predict cifar10_evaluate cifar10_augment mnist_train train_folder; do
  expect 0 $program --help
  says "^usage: $program" out
done

# ---- data that is not there, or damaged
expect 1 cifar10_train --data nowhere
one_line cifar10_train
says nowhere
expect 1 cifar10_train --data nowhere --quiet
one_line cifar10_train
mkdir damaged
head -c 1000 /dev/zero > damaged/data_batch_1.bin
expect 1 cifar10_train --data damaged
one_line cifar10_train
says 'damaged/data_batch_1.bin'
CNN_DATA=damaged expect 1 cifar10_train
says 'damaged/data_batch_1.bin'
expect 1 cifar10_train --synthetic --limit 64 --save nowhere/model
one_line cifar10_train
says nowhere/model
expect 1 cifar10_train --synthetic --limit 64 --resume nowhere
one_line cifar10_train
expect 1 cifar10_evaluate nowhere --synthetic
one_line cifar10_evaluate
expect 1 mnist_train --data nowhere
one_line mnist_train
expect 1 train_folder nowhere
one_line train_folder
expect 1 quickstart nowhere
one_line quickstart
says '^quickstart: nowhere: neither '
[ ! -e quickstart.safetensors ] || fail "quickstart saves a model that was not trained"

# ---- a short run
run="--synthetic --limit 300 --validation-limit 100 --batch-size 32 --seed 3 --augment"
expect 0 cifar10_train $run --epochs 2 --save whole --history whole.csv --plot curves.png
ends_with_accuracy
says '^Training images: (300, 32, 32, 3), labels: (300, 1)$' out
says '^Test images: (2000, 32, 32, 3), labels: (2000, 1)$' out
says '^Total params: ' out
says '^Epoch 2/2' out
says '^Test Loss: ' out
accuracy=$(tail -n 1 out)
[ "$(head -n 1 whole.csv)" = epoch,seconds,loss,accuracy,val_loss,val_accuracy,learning_rate ] ||
  fail "the history's first line"
[ "$(wc -l < whole.csv)" -eq 3 ] && tail -n 1 whole.csv | grep -Eq '^2(,[0-9.e-]+){6}$' || fail "the history's rows"
for picture in curves.png curves-predictions.png curves-confusion.png; do drawn $picture; done
expect 0 cifar10_train --limit 64 --epochs 1
says 'synthetic images instead' out

# ---- the same run, the same bytes
for threads in 1 2 3; do
  expect 0 cifar10_train $run --epochs 2 --save again --quiet --threads $threads
  same whole again
  [ "$(cat out)" = "$accuracy" ] || fail "--quiet prints more than the last line, or another"
  [ ! -s err ] || fail "--quiet prints on stderr"
done

# ---- resumed
expect 0 cifar10_train $run --epochs 1 --save part --history part.csv --quiet
cmp -s whole part && fail "one epoch equals two"
cp part begun
expect 0 cifar10_train $run --epochs 2 --resume part --save part --history part.csv
same whole part
[ "$(tail -n 1 out)" = "$accuracy" ] || fail "resumed, another accuracy"
[ "$(wc -l < part.csv)" -eq 3 ] || fail "the resumed history's rows"
expect 0 cifar10_train $run --epochs 2 --resume whole --save copy
says 'epochs behind it' out
same whole copy
[ "$(tail -n 1 out)" = "$accuracy" ] || fail "a finished run, another accuracy"

# ---- another run
for change in "--seed 4" "--limit 299" "--batch-size 64" "--optimizer sgd" "--lr 0.01"; do
  expect 1 cifar10_train $run --epochs 2 --resume begun $change
  one_line cifar10_train
  says "begun: ${change% *} was"
done
expect 1 cifar10_train --synthetic --limit 300 --batch-size 32 --seed 3 --epochs 2 --resume begun
says 'begun: --augment was on in that run and is off now'
head -c 200 begun > torn
expect 1 cifar10_train $run --resume torn
one_line cifar10_train

# ---- Ctrl-C in mid-epoch: saves, reports, and resumes to the uninterrupted run's bytes
long="--synthetic --limit 1200 --validation-limit 100 --batch-size 16 --optimizer sgd"
checks=$((checks + 1))
"$bin/cifar10_train" $long --epochs 1000 --save stopped --history stopped.csv > out 2> err &
pid=$!
tries=0
until [ "$(cat stopped.csv 2> /dev/null | wc -l)" -ge 2 ] || [ $tries -ge 600 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
sleep 0.2
kill -INT $pid
wait $pid
got=$?
[ $got -eq 130 ] || fail "Ctrl-C: status $got, not 130"
ends_with_accuracy
epochs=$(wc -l < stopped.csv)
expect 0 cifar10_train $long --epochs "$epochs" --resume stopped --save stopped --quiet
expect 0 cifar10_train $long --epochs "$epochs" --save unstopped --quiet
same stopped unstopped

# ---- a saved model at work
expect 0 cifar10_evaluate whole --synthetic --plot confusion.png
[ "$(tail -n 1 out)" = "$accuracy" ] || fail "cifar10_evaluate: another accuracy"
says '^Class  *Images  *Precision  *Recall  *F1$' out
drawn confusion.png
expect 0 cifar10_evaluate whole --synthetic --limit 50 --quiet
[ "$(wc -l < out)" -eq 1 ] || fail "cifar10_evaluate --quiet prints more than a line"
if [ -n "$pictures" ]; then
  expect 0 cifar10_predict whole augmented.png curves.png
  [ "$(grep -Ec '^[a-z]+\.png: [a-z]+ 0\.[0-9]{4}, [a-z]+ 0\.[0-9]{4}, [a-z]+ 0\.[0-9]{4}$' out)" -eq 2 ] ||
    fail "cifar10_predict's lines"
  expect 1 cifar10_predict whole nowhere.png augmented.png
  one_line cifar10_predict
  says '^augmented.png: ' out
  expect 0 embed whole augmented.png
  says '^0 blocks' out
  expect 1 embed nowhere augmented.png
  says '^0 blocks' out
  if command -v valgrind > /dev/null && ! ldd "$bin/embed" | grep -q 'lib[a-z]*san'; then
    checks=$((checks + 1))
    valgrind -q --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all --error-exitcode=9 \
      "$bin/embed" whole augmented.png > out 2> err || fail "embed under valgrind"
  else
    echo "skipped: embed under valgrind"
  fi

  for seed in 1 2 3 4 5 6; do
    mkdir -p photos/grey photos/colour
    expect 0 cifar10_augment --synthetic --seed $seed --images 1 --output photos/colour/$seed.png
    cp curves.png photos/grey/$seed.png
  done
  expect 0 train_folder photos --epochs 1 --size 32 --save folder --plot folder.png
  ends_with_accuracy
  drawn folder.png
  # Whatever images that are all alike are taken for, two classes of three are mistaken equally often.
  for seed in 1 2 3 4 5; do
    mkdir -p alike/a alike/b alike/c
    for class in a b c; do
      cp curves.png alike/$class/$seed.png
    done
  done
  expect 0 train_folder alike --epochs 1 --size 16
  [ "$(grep -c '^1 times [abc] was taken for' out)" -eq 2 ] || fail "train_folder tells not both mistakes"

  mkdir parts
  cp -r photos parts/train
  cp -r photos parts/test
  echo 'no picture' > parts/train/grey/broken.png
  expect 1 train_folder parts --epochs 1 --size 16
  one_line train_folder
  says broken.png
  mv parts/test/colour parts/test/hue
  expect 1 train_folder parts --epochs 1 --size 16
  one_line train_folder
  says "colour in train/"
  mv parts/test/hue parts/test/colour
  expect 0 train_folder parts --epochs 1 --size 16 --skip-broken --augment --quiet
  [ "$(wc -l < out)" -eq 1 ] || fail "train_folder --quiet prints more than a line"
else
  echo "skipped: predict, embed and train_folder, for there are no pictures"
fi
expect 0 mnist_train --synthetic --limit 300 --epochs 1 --save lenet --plot lenet.png
ends_with_accuracy
drawn lenet.png
expect 0 quickstart
says '^Test accuracy ' out
drawn quickstart.png

echo "$checks commands, $failures failures"
[ $failures -eq 0 ]

"""Writes mmmu-sample.parquet and video-mme-sample/ in the published layouts. Needs numpy, pyarrow and ffmpeg."""

import hashlib
import random
import subprocess
import tempfile
import wave
from pathlib import Path

from clips import FPS, SCENES, SIZE, make_clip
from drawing import png
from pictures import KINDS, LEVELS, make_picture_question
from sounds import RATE

SEED = "peira-samples-1"  # training corpora are seeded "media-corpus:...", so the streams never meet
LETTERS = "ABCD"
IMAGES = 7  # columns image_1 to image_7


def picture_key(item):
    """What makes a picture question the same as another: its text and its pixels."""
    digest = hashlib.sha256(item.question.encode())
    for picture in item.pictures:
        digest.update(str(picture.shape).encode() + picture.tobytes())
    return digest.hexdigest()


def clip_key(clip):
    digest = hashlib.sha256(clip.frames.tobytes())
    digest.update(b"" if clip.sound is None else clip.sound.tobytes())
    return digest.hexdigest()


def arranged(rng, item, letter):
    """The four options with the answer at `letter`; None where they are the pictures in another order."""
    at = LETTERS.index(letter)
    if item.answer.startswith("<image"):
        options = sorted([item.answer, *item.wrong])
        return options if options[at] == item.answer else None
    options = rng.sample(item.wrong, 3)
    options.insert(at, item.answer)
    return options


def mmmu_items():
    """240 (id, item, options, letter): 20 kinds x 3 levels x 4, each letter once in every four, kinds in turn."""
    rng = random.Random(f"{SEED}:mmmu")
    letters = {(kind, level): rng.sample(LETTERS, 4) for kind in KINDS for level in range(len(LEVELS))}
    rows, seen = [], set()
    for number in range(12):
        for kind, (_, subject, _, _) in KINDS.items():
            level, letter = number % 3, letters[kind, number % 3][number // 3]
            while True:
                item = make_picture_question(rng, kind, level)
                options = arranged(rng, item, letter)
                if options and picture_key(item) not in seen:
                    break
            seen.add(picture_key(item))
            rows.append((f"sample_{subject}_{number + 1}", item, options, letter))
    return rows


def clip_items():
    """40 (video id, clip, [(options, letter)] of its three questions): 10 scenes x 4, lengths in turn."""
    rng = random.Random(f"{SEED}:video-mme")
    letters = {(scene, q): rng.sample(LETTERS, 4) for scene in SCENES for q in range(3)}
    rows, seen = [], set()
    for number in range(4):
        for index, scene in enumerate(SCENES):
            level = number if number < 3 else index % 3
            while True:
                clip = make_clip(rng, scene, level)
                if clip_key(clip) not in seen:
                    break
            seen.add(clip_key(clip))
            asked = [(arranged(rng, question, letters[scene, q][number]), letters[scene, q][number])
                     for q, (_, question) in enumerate(clip.questions)]
            rows.append((f"{len(rows) + 1:03d}", clip, asked))
    return rows


def sample_keys():
    """Keys of all sample pictures and clips: what training must not see."""
    return {picture_key(item) for _, item, _, _ in mmmu_items()} | {clip_key(clip) for _, clip, _ in clip_items()}


def _write_mmmu(path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    media = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = []
    for name, item, options, letter in mmmu_items():
        row = {"id": name, "question": item.question, "options": repr(options), "explanation": item.explanation}
        for k in range(IMAGES):
            row[f"image_{k + 1}"] = ({"bytes": png(item.pictures[k]), "path": f"{name}_{k + 1}.png"}
                                     if k < len(item.pictures) else None)
        row |= {"img_type": repr([item.picture_type]), "answer": letter, "topic_difficulty": item.level,
                "question_type": "multiple-choice", "subfield": item.subfield}
        rows.append(row)
    schema = pa.schema([(name, media if name.startswith("image_") else pa.string()) for name in rows[0]])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="snappy", store_schema=False)


def encode_mp4(clip, path):
    """H.264 and, where the clip sounds, AAC at 16 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIZE}x{SIZE}", "-r", str(FPS),
                   "-i", "-"]
        if clip.sound is not None:
            sound = Path(folder) / "sound.wav"
            with wave.open(str(sound), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(RATE)
                file.writeframes(clip.sound.tobytes())
            command += ["-i", str(sound), "-c:a", "aac", "-b:a", "20k", "-flags:a", "+bitexact"]
        # The filter drops the encoder's note on itself, a third of so small a file.
        command += ["-c:v", "libx264", "-preset", "veryslow", "-tune", "animation", "-crf", "24", "-pix_fmt", "yuv420p",
                    "-g", "40", "-threads", "1", "-flags:v", "+bitexact", "-bsf:v", "filter_units=remove_types=6",
                    "-map_metadata", "-1", "-fflags", "+bitexact", "-movflags", "+faststart", str(path)]
        subprocess.run(command, input=clip.frames.tobytes(), check=True)


def _srt_time(seconds):
    thousandths = round(seconds * 1000)
    return f"{thousandths // 3600000:02d}:{thousandths // 60000 % 60:02d}:{thousandths // 1000 % 60:02d},{thousandths % 1000:03d}"


def srt(cues):
    """Subtitles with the markup of the published ones."""
    return "\n".join(f'{i}\n{_srt_time(start)} --> {_srt_time(end)}\n<font color="white" size=".72c">{text}</font>\n'
                     for i, (start, end, text) in enumerate(cues, start=1))


def _write_video_mme(folder):
    import pyarrow as pa
    import pyarrow.parquet as pq

    for part in ("videomme", "data", "subtitle"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    rows = []
    for video_id, clip, asked in clip_items():
        stem = f"sample_{video_id}"
        encode_mp4(clip, folder / "data" / f"{stem}.mp4")
        if clip.cues:
            (folder / "subtitle" / f"{stem}.srt").write_text(srt(clip.cues), encoding="utf-8", newline="\n")
        for number, ((task, question), (options, letter)) in enumerate(zip(clip.questions, asked), start=1):
            rows.append({"video_id": video_id, "duration": clip.duration, "domain": clip.domain,
                         "sub_category": clip.sub_category, "url": "", "videoID": stem,
                         "question_id": f"{video_id}-{number}", "task_type": task, "question": question.question,
                         "options": [f"{mark}. {option}" for mark, option in zip(LETTERS, options)], "answer": letter})
    schema = pa.schema([(name, pa.list_(pa.string()) if name == "options" else pa.string()) for name in rows[0]])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "videomme" / "test-00000-of-00001.parquet",
                   compression="snappy", store_schema=False)


def write_media_samples(folder):
    """Both sample sets into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_mmmu(folder / "mmmu-sample.parquet")
    _write_video_mme(folder / "video-mme-sample")
